"""What the notes say about segmentation, with the run's own numbers; citation and licence of the data."""

import numpy as np
import streamlit as st

from labcore.data import registry
from labcore.runs.store import Row
from labcore.specs import SegmentationSpec
from pages.parts import words
from pages.parts.seg_source import Result


def notes_tab(spec: SegmentationSpec, row: Row | None, result: Result | None) -> None:
    """The idea, the formulas with this run's numbers, the questions, the source of the data."""
    st.markdown(
        """
**The idea.** *Image segmentation is like a magnified version of classification: you classify every single pixel.* The
net gives each pixel one score per class, softmax turns them into probabilities, and the loss is cross-entropy, pixel by
pixel, averaged over those that somebody has labelled.
"""
    )
    st.latex(r"L = -\frac{1}{|\{i : y_i \ne \text{void}\}|} \sum_{i : y_i \ne \text{void}} \log p_i(y_i)")
    if result is not None:
        _overlap(result)
    with st.container(horizontal=True):
        with st.popover("Why is labelling so dear?"):
            st.markdown(
                "Segmentation sets are *a ton of work*: somebody has drawn round every object of every picture. That "
                "is why they are small, why one begins with a body that has seen other pictures, and why the masks "
                "must be moved along whenever a picture is varied: each one counts many times."
            )
        with st.popover("Why not one net per class?"):
            st.markdown(
                "Classes exclude each other here, so one softmax decides between all of them. Where several labels "
                "may hold at once (see Thresholds) each gets a sigmoid of its own."
            )
        with st.popover("IoU, Dice or accuracy?"):
            st.markdown(
                "Accuracy is ruled by large classes: road and sky are most of a street. IoU and Dice ask class by "
                "class how well two areas overlap; their mean lets a pole count as much as the sky. The loss that "
                "makes 1 − Dice small (under More) is Milletari, Navab and Ahmadi, *V-Net*, 2016, "
                "[arXiv:1606.04797](https://arxiv.org/abs/1606.04797)."
            )
    st.markdown(
        "**Sources.** O. Ronneberger, P. Fischer, T. Brox: *U-Net: Convolutional Networks for Biomedical Image "
        "Segmentation*, MICCAI 2015, [arXiv:1505.04597](https://arxiv.org/abs/1505.04597) · V. Badrinarayanan, "
        "A. Kendall, R. Cipolla: *SegNet*, 2015, [arXiv:1511.00561](https://arxiv.org/abs/1511.00561) (the eleven "
        "classes) · S. Jégou et al.: *The One Hundred Layers Tiramisu*, 2017, "
        "[arXiv:1611.09326](https://arxiv.org/abs/1611.09326) · D. Eigen, R. Fergus, 2015, "
        "[arXiv:1411.4734](https://arxiv.org/abs/1411.4734) (median frequency balancing) · fastai course-v3, "
        "lesson3-camvid · decoder: segmentation-models-pytorch."
    )
    known = registry.card(spec.dataset.name)
    split = f" {result.plan['split']}" if result else ""
    st.caption(f"{known.title}.{split} {known.citation} Licence: {known.licence}.")


def _overlap(result: Result) -> None:
    """IoU and Dice of this run's largest class, from its own pixels."""
    counts = result.counts.sum(axis=0)
    if result.void is not None:
        counts = counts.copy()
        counts[result.void] = 0
    code = int(np.argmax(result.scores.shares))
    both, truth, said = int(counts[code, code]), int(counts[code].sum()), int(counts[:, code].sum())
    union, name = truth + said - both, result.names[code]
    st.markdown(f"**{name}** in this run's {len(result.counts)} valid pictures:")
    iou, dice = both / max(1, union), 2 * both / max(1, truth + said)
    st.latex(
        rf"\text{{IoU}} = \frac{{\text{{both}}}}{{\text{{either}}}} = \frac{{{both:,}}}{{{union:,}}} = {iou:.3f}"
        rf"\qquad \text{{Dice}} = \frac{{2 \cdot {both:,}}}{{{truth:,} + {said:,}}} = {dice:.3f}"
    )
    st.caption(
        f"Chance alone: with {len(result.names)} classes an untrained net begins near ln {len(result.names)} = "
        f"{words.number(float(np.log(len(result.names))))}."
    )
