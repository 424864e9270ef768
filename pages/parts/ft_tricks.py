"""The deck of trick cards, drawn; “try it” puts the trick into the race against the plan in hand."""

import streamlit as st

from labcore.specs import FineTuneSpec
from pages.parts.ft_race import LINES
from pages.parts.tricks import TRICKS, Trick

COLUMNS = 3


def deck(spec: FineTuneSpec) -> None:
    """All cards."""
    st.markdown("*“There should be a card set of these little tricks, to spur creativity as you go.”* Here it is.")
    for start in range(0, len(TRICKS), COLUMNS):
        for column, card in zip(st.columns(COLUMNS), TRICKS[start : start + COLUMNS], strict=False):
            with column:
                _card(card, spec)


def _card(card: Trick, spec: FineTuneSpec) -> None:
    with st.container(border=True):
        st.markdown(f"**{card.icon} {card.title}**")
        st.markdown(card.what)
        st.caption(f"**Why** {card.why}\n\n**When** {card.when}\n\n*{card.source}*")
        applies = card.tried(spec) is not None
        st.button(
            "Try it" if applies else "Not with this plan", key=f"try {card.name}", icon=":material/flag:",
            disabled=not applies, on_click=_race, args=(card,),
            help="Races it against the plan in hand.",
        )  # fmt: skip


def _race(card: Trick) -> None:
    st.session_state["against"] = LINES.get(card.name, card.title.lower())
    st.session_state["tab"] = "Race"
