"""The lesson notes' questions on the learning-rate finder, answered with the run's own numbers."""

import math

import streamlit as st

from labcore.data import registry
from labcore.figures import lr_finder as figures
from labcore.specs import LRFinderSpec
from labcore.training.schedules import one_cycle
from pages.parts import words
from pages.parts.chart import chart
from pages.parts.theme import palette

STEPS_SHOWN = 100


def about_the_curve(spec: LRFinderSpec) -> None:
    """Beside the curve: what each dot is, and which loss it shows."""
    rates, pictures = spec.num_it, spec.num_it * spec.batch_size
    with st.container(horizontal=True, gap="small"):
        with st.popover("Does it go through one batch?"):
            st.markdown(
                f"No: **one mini-batch for each rate**. This test tries {rates} rates, so it takes {rates} steps on "
                f"{rates} batches of {spec.batch_size}, {pictures:,} pictures in all, and the weights move on at every "
                "step. Each faint dot is one of them. Afterwards weights, optimiser, BatchNorm statistics and random "
                "streams are put back bit for bit, so looking costs nothing."
            )
        with st.popover("Is it train or valid loss?"):
            valid = (
                f"This run also measured the loss on {spec.valid_items} fixed valid pictures at every rate: it tells "
                "the same story, for far more work."
                if spec.valid_items
                else "Under *More* you can have the valid loss measured as well, on a fixed subset, and compare."
            )
            st.markdown(
                "The **training loss** of each batch, smoothed. Validation is cancelled during the test (fastai's "
                f"`before_validate` raises `CancelValidException`). {valid}"
            )
        with st.popover("Why is the line smoother than the dots?"):
            st.markdown(
                f"One batch of {spec.batch_size} is noisy. The line is an exponentially weighted mean with weight "
                f"{spec.smoothing:g} on the past, corrected for its cold start, so it lags behind the dots by some "
                f"{1 / (1 - spec.smoothing):.0f} batches: one reason why rules read it differently."
            )


def about_the_rules(bottom: float | None) -> None:
    """Beside the rules: why none of them takes the minimum."""
    at = f" (here {words.rate(bottom)})" if bottom else ""
    with st.container(horizontal=True, gap="small"):
        with st.popover("Why the steepest place?"):
            st.markdown(
                "There a step of the net buys the most: the loss falls fastest per factor of rate. We do not look for "
                "the lowest loss, we look for the rate at which the net **learns** best while it trains."
            )
        with st.popover("Why not the minimum?"):
            st.markdown(
                f"At the bottom{at} the loss has stopped falling: the steps are already so large that they undo as "
                "much as they gain, and a little further right they throw the net out. So the rule called *minimum* "
                "goes back by a factor of 10. The loss at the bottom was reached by the smaller rates before it."
            )
        with st.popover("Which rule is right?"):
            st.markdown(
                "None everywhere. On one and the same curve they can differ by a factor of ten and more, and they "
                "read a smoothed, lagging line. Do not argue, measure: the **Jury** tab trains with each of them."
            )


def about_the_pick(pick: float | None) -> None:
    """Beside the pick: what training does with it."""
    with st.popover("What does training do with my pick?"):
        if pick is None:
            st.markdown("Drag the warm line to a rate first.")
            return
        st.markdown(
            f"It becomes **lr_max**, the top of one cycle: the rate climbs from {words.rate(pick / 25)} "
            f"(lr_max / 25) to {words.rate(pick)}, then falls to {words.rate(pick / 1e5)} (lr_max / 100,000). That is "
            "why it is read where the loss still falls steeply: training spends only a short while up there."
        )
        rates = one_cycle(pick / 25, pick, pick / 1e5, [i / STEPS_SHOWN for i in range(STEPS_SHOWN)])
        chart(
            figures.one_cycle_figure(rates, pick, palette()),
            key="lr_one_cycle",
            about="The one-cycle schedule up to your rate",
        )


def about_speed() -> None:
    """Beside the jury: how to tell a slow fall."""
    with st.popover("How do I know that a loss falls too slowly?"):
        st.markdown(
            "Alone you cannot: a slow fall looks like any fall. **Next to another rate from the same weights and the "
            "same batches you can.** Too low: its lane lies above the others and is nearly straight. Too high: it "
            "jumps, or leaves through the top (diverges), and the valid loss ends far above the training loss. A rate "
            "that is too small also needs more epochs, and more epochs are more chances to learn the pictures by heart."
        )


def notes(spec: LRFinderSpec) -> None:
    """The Notes tab: idea, formula with the run's own numbers, sources and licences."""
    n, growth = spec.num_it, (spec.end / spec.start) ** (1 / (spec.num_it - 1))
    st.markdown(
        "**The idea.** Start with a rate far too small, make it larger at every mini-batch, and watch the loss: first "
        "nothing happens, then the net learns, then the steps are too large and the loss explodes. One short sweep "
        "shows all three, where finding them by trial takes a training run each."
    )
    if spec.sweep == "exponential":
        st.latex(
            r"\eta_i = \eta_\text{start}\left(\frac{\eta_\text{end}}{\eta_\text{start}}\right)^{i/(n-1)}"
            rf"\qquad \text{{here }}\; {_tex(spec.start)}\times{growth:.3f}^{{\,i}},\; i = 0 \dots {n - 1}"
        )
    else:
        step = (spec.end - spec.start) / (n - 1)
        st.latex(
            r"\eta_i = \eta_\text{start} + i\,\frac{\eta_\text{end} - \eta_\text{start}}{n-1}"
            rf"\qquad \text{{here steps of }}\; {_tex(step)},\; i = 0 \dots {n - 1}"
        )
    st.latex(
        r"\bar\ell_i = \frac{m_i}{1-\beta^{\,i+1}},\quad m_i = \beta\,m_{i-1} + (1-\beta)\,\ell_i"
        rf"\qquad \beta = {spec.smoothing:g}"
    )
    stop = "as soon as the smoothed loss is **4 times its best**" if spec.stop_early else f"after all {n} rates"
    body = (
        "Only the head trains, and BatchNorm with it, as in fastai"
        if spec.frozen and spec.frozen_body == "batchnorm_trains"
        else "Only the head trains; the body's features are computed once per picture, with BatchNorm as it was stored"
        if spec.frozen
        else "All layers train"
    )
    classes = registry.card(spec.dataset.name).classes if spec.dataset.name in registry.CARDS else 0
    guess = f" Guessing among {classes} classes costs ln {classes} = {math.log(classes):.2f}." if classes > 1 else ""
    st.markdown(f"The test ends {stop}. {body}.{guess}")
    st.markdown(
        "**Read.** L. N. Smith, [Cyclical Learning Rates for Training Neural Networks]"
        "(https://arxiv.org/abs/1506.01186), 2015 (section 3.3: the range test; there with accuracy over a linear "
        "rate, see *More*). L. N. Smith, N. Topin, [Super-Convergence](https://arxiv.org/abs/1708.07120), 2017 (one "
        "cycle). J. Howard, S. Ruder, [Universal Language Model Fine-tuning](https://arxiv.org/abs/1801.06146), 2018 "
        "(discriminative rates, gradual unfreezing). Rules: [fastai](https://docs.fast.ai/callback.schedule.html) 2.8, "
        "Apache-2.0, matched number for number."
    )
    if spec.dataset.name in registry.CARDS:
        card = registry.card(spec.dataset.name)
        st.markdown(f"**Data.** {card.title}: {card.citation} Licence: {card.licence}.")


def _tex(value: float) -> str:
    mantissa, exponent = f"{value:.3g}".split("e") if "e" in f"{value:.3g}" else (f"{value:.3g}", "")
    power = rf"10^{{{int(exponent)}}}" if exponent else ""
    return power if mantissa == "1" and power else mantissa + (rf"\cdot {power}" if power else "")
