"""What the notes ask and say about fine-tuning, with the run's own numbers; the notebook's stored results."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from labcore.data import registry
from labcore.runs.store import Row
from labcore.specs import FineTuneSpec
from labcore.training.schedules import group_rates
from pages.parts import words


@dataclass(frozen=True)
class Stored:
    """One run of a notebook, as its stored output says; no seeds, no band."""

    arch: str
    plan: str
    error_rate: float
    where: str


STORED = (
    Stored("resnet34", "3 frozen at 3e-3", 0.0744, "course-v4 05_pet_breeds, cell 54"),
    Stored("resnet34", "then 6 at 1e-5 for all", 0.0595, "cell 57"),
    Stored("resnet34", "then 12 with slice(1e-6, 1e-4)", 0.0541, "cell 59"),
    Stored("resnet50", "fine_tune(6, freeze_epochs=3), half precision", 0.0548, "cell 63"),
    Stored("resnet34", "fine_tune(1, base_lr=0.1)", 0.834, "cell 48"),
)
NOTEBOOK_ITEMS = 7_390
"""Pictures of the full Oxford pets; the notebook holds a fifth of them out."""


def stored_results(spec: FineTuneSpec, row: Row | None, items: int | None) -> None:
    """The notebook's numbers, only where the data are the notebook's; and what else differs."""
    if spec.dataset.name != "pets":
        return
    st.subheader("The notebook's own results")
    table = pd.DataFrame(
        [
            {"plan": one.plan, "net": one.arch, "error rate": words.percent(one.error_rate), "where": one.where}
            for one in STORED
        ]
    )
    st.table(table.set_index("plan"))
    differs = []
    if items is not None and items < NOTEBOOK_ITEMS * 0.95:
        differs.append(f"{items:,} pictures instead of {NOTEBOOK_ITEMS:,}")
    if spec.arch not in ("resnet34", "resnet50"):
        differs.append(f"{spec.arch} instead of resnet34")
    if spec.image_size != 224:
        differs.append(f"{spec.image_size} instead of 224 pixels")
    here = words.percent(row.metrics.get("error_rate")) if row and row.metrics else "–"
    st.caption(
        f"Each is **one run of the notebook**, without seeds. This run: {here}. "
        + (f"Not the same task: {'; '.join(differs)}." if differs else "Data, net and size match.")
    )


def notes(spec: FineTuneSpec, row: Row | None, items: int | None) -> None:
    """The idea, the formula with this plan's numbers, the questions, the source of the data."""
    last = spec.plan[-1]
    rates = ", ".join(words.rate(rate) for rate in group_rates(last, 3).tolist())
    st.markdown(
        f"""
**The idea.** A net that has seen many pictures already knows edges, textures and parts. A new head knows nothing. So
the head learns first while the body is frozen (*freeze means we go back to train the last few layers*), then all layers
learn together, the early ones with small steps and the late ones with large: *what we would really like is to have a
small learning rate for the early layers and a bigger learning rate for the later layers*.

**The slice.** `slice(lo, hi)` over G groups gives group g the rate lo · (hi / lo)^(g / (G − 1)). The last stage here:
{rates}.

**One-cycle.** From lr / {last.div:g} up to lr within the first {last.pct_start:.0%}, then down to lr /
{last.div_final:.0e}, along cosines; the momentum goes the other way, 0.95, 0.85, 0.95.
"""
    )
    with st.container(horizontal=True):
        with st.popover("What is fine_tune, and how is it not fit_one_cycle?"):
            st.markdown(
                "`fine_tune(n, base_lr, freeze_epochs)` is two calls in one: freeze and one cycle at `base_lr` "
                "(climbing for 99 % of it), halve the rate, unfreeze, one cycle with `slice(base_lr / 100, base_lr)`. "
                "`fit_one_cycle` is a single cycle on whatever is unfrozen."
            )
        with st.popover("Why is it called lr_max?"):
            st.markdown("Because it is only the top: the rate climbs to it and comes down again.")
        with st.popover("Does a frozen body change at all?"):
            st.markdown(
                "In fastai yes: its BatchNorm layers go on learning (`train_bn=True`), and their running means follow "
                "the new pictures; the X-ray's last panel shows it. With *computed once* they rest, and an epoch of "
                "the head costs a fraction, since each picture goes through the body a single time."
            )
        with st.popover("Training loss above valid loss?"):
            st.markdown(
                "The notes call it underfitting: train more epochs, smaller rate, less regularization. But dropout and "
                "augmentation make the training loss look worse by themselves. So the run measures the training "
                "pictures once more without them: see *Reading*, *Symptoms*."
            )
        with st.popover("Why may .to_fp16() help?"):
            st.markdown(
                "From single to half precision: half the memory, and tensor cores are two to three times "
                "faster. *Sometimes by making things less precise the model generalized better*: the rounding is "
                "noise, and noise regularizes. On a CPU it is usually slower; *auto* takes it where the device gains."
            )
    stored_results(spec, row, items)
    known = registry.card(spec.dataset.name)
    st.caption(f"{known.title}. {known.citation} Licence: {known.licence}.")
