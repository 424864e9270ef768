"""The card that travels with a run's exported model: chosen thresholds are written into it, for ``labcore predict``."""

from collections.abc import Mapping
from typing import Any

from labcore.errors import UserError
from labcore.runs.artifacts import Artifacts, decode, encode
from labcore.runs.store import open_store
from labcore.settings import settings

CARD = "card.json"


def read_card(run: str) -> dict[str, Any]:
    """What a run says of its exported model. Raises UserError where it has none."""
    return decode(CARD, Artifacts().read(run, CARD))


def with_thresholds(card: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The card of a model with chosen thresholds in it.

    Args:
        card: of a multi-label model.
        chosen: from ``labcore.evaluation.tune`` or read from a file of thresholds.

    Raises:
        UserError: the thresholds are of other labels, or the model has no labels of its own.
    """
    if card.get("task") != "multi_label":
        raise UserError(
            "This run's model names one class per picture and takes no thresholds. Choose a multi-label run."
        )
    missing = [name for name in card["classes"] if name not in chosen["thresholds"]]
    unknown = [name for name in chosen["thresholds"] if name not in card["classes"]]
    if missing or unknown:
        what = f"has no threshold for {missing[0]}" if missing else f"names {unknown[0]}, which the model does not know"
        raise UserError(f"The file {what}. Tune on predictions of this very model.")
    return {**card, "thresholds": {**chosen, "chosen_by_person": True}}


def write_thresholds(run: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Put chosen thresholds into a run's card; returns the new card.

    Raises:
        UserError: they do not fit, or the lab is public: there a card is everybody's and can only be downloaded.
    """
    if settings().mode == "public":
        raise UserError("On a public lab a run belongs to everybody. Download the card with your thresholds instead.")
    card = with_thresholds(read_card(run), chosen)
    name, data = encode(CARD, card)
    open_store().put_artifact(run, name, len(data), Artifacts().write(run, name, data))
    return card
