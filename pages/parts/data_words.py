"""The notes' questions on data, in the lab's words, and the idea of the data block."""

import numpy as np
import streamlit as st

from labcore.data import registry
from labcore.data.leaf import Leaf
from pages.parts.data_show import asks


def about_items(block: Leaf) -> None:
    """Beside the inputs: what a data set is, and why a lone item still comes in a tuple."""
    items = block.items
    name, row = items.name, min(7, len(items) - 1)
    with st.container(horizontal=True, gap="small"):
        asks(
            "What is a data set?",
            f"Anything that answers two questions: *how many items are there?* (`len({name})` is {len(items):,}) and "
            f"*what is the n-th?* (`{name}[{row}]`). In Python these are the methods `__len__` and `__getitem__`, "
            "called dunder methods for their double underscores. The n-th item is a tuple: the independent variable "
            "and the dependent variable, the picture and its target.",
        )
        asks(
            "Why is (a,) not (a)?",
            "The comma makes the tuple, the brackets only group. `(a)` is `a` itself, `(a,)` is a tuple that holds "
            "one thing. A data set gives a tuple even for a picture without a target, so that a loader can always "
            "take items apart in the same way: `x, *y = item` works on `(a,)` and `(a, b)`. On `(a)` it would take "
            "the picture itself apart, row by row of pixels.",
        )
        asks(
            "Can there be more than three channels?",
            "Yes. A photo has red, green and blue; a satellite may see near infrared as well. The first layer of a "
            "pretrained body has weights for three: give it more, and the new ones start as copies or as zeros.",
        )


def about_split(block: Leaf) -> None:
    """Beside the split: why one holds out at all, why by person, why a seed."""
    with st.container(horizontal=True, gap="small"):
        asks(
            "Why hold out whole persons or videos?",
            "Frames of one video are nearly the same picture. If some teach and the frames between them examine, the "
            "net is asked what it has just been told, and the score flatters. What you want to know is how it does "
            "with a person it has **never** seen: so a whole person is held out.",
        )
        asks(
            "Why a seed?",
            f"A random split is drawn anew each time unless its seed is kept. This one is drawn from "
            f"seed {block.dataset.split_seed}, the same on every machine, and is separate from the seed of training: "
            "other runs then answer the same exam.",
        )
        asks(
            "Valid or test?",
            "You look at **valid** after every change and choose by it, so in the end it has been chosen by, too. A "
            "**test** set is looked at once, at the end.",
        )


def about_label(block: Leaf) -> None:
    """Beside the targets: why their type is what it is."""
    items = block.items
    with st.container(horizontal=True, gap="small"):
        if items.task == "multi_label":
            target, _ = block.target(0)
            asks(
                "Why are one-hot targets floats?",
                f"The target of item 0 is `{np.array2string(target, precision=1, separator=', ', max_line_width=80)}` "
                f"with type `{target.dtype}`. Zeros and ones would fit into integers or bits. But binary cross-entropy "
                "**multiplies** them with logarithms of probabilities, `y log p + (1 - y) log(1 - p)`, and "
                "PyTorch wants both in one type: with integers it refuses. Floats also allow 0.9 instead of 1, "
                "which is label smoothing.",
            )
            asks(
                "Why not softmax?",
                "Softmax makes probabilities that sum to 1: one answer. Several labels can be right at once, or none, "
                "so each class gets its own sigmoid, and a threshold says from where on it is a yes.",
            )
        else:
            kind = {
                "single_label": "an integer, the number of its class: cross-entropy looks the right logit up by it. "
                "Only where **several** labels can be right is the target one-hot, and then it is a float, since "
                "binary cross-entropy multiplies it with logarithms. See *Tiles*",
                "masks": "an integer per pixel: cross-entropy looks the right logit up by it, pixel by pixel. One-hot "
                "floats would say the same with as many numbers per pixel as there are classes",
                "points": "a float: it is compared by its distance, and distances have fractions",
                "ratings": "a float: 3.9 for a 4 is nearly right, which no class number could say",
            }[items.task]
            asks("Why this type and not floats, one-hot?", f"The target here is {kind}.")
        asks(
            "Can labels be words?",
            "On the disk, yes: the vocabulary is sorted and each word becomes its place in it, the same on every "
            "machine. The net itself only ever sees numbers.",
        )
        if items.void is not None:
            asks(
                "What is void?",
                "Pixels that nobody could label: borders between things, and what a rotation brings in from outside. "
                "They are left out of the loss and of every metric; else the net would be scored on a guess.",
            )


def about_transforms(block: Leaf) -> None:
    """Beside the transforms: why twice, why together, why these."""
    with st.container(horizontal=True, gap="small"):
        asks(
            "Why twice?",
            "**Item** transforms bring every picture to one size, once, on the CPU: a batch is one tensor and needs "
            "equal shapes. **Batch** transforms vary the pictures anew each time, a whole batch at once, on the "
            "device.",
        )
        asks(
            "Why must the target move too?",
            "If the picture is turned and its mask or point is not, the net is taught that sky is where the road is. "
            "Nothing crashes, the loss merely stops falling: switch *leave the target behind* on and look. fastai "
            "calls the right way `tfm_y=True`.",
        )
        asks(
            "Which variations are right?",
            "Those that the world has too. A satellite sees a village from any side (`flip_vert`, 8 settings) but "
            "always from straight above (`max_warp=0`). A street is never upside down.",
        )
        asks(
            "Why not train on 8 bits?",
            "Pictures rest as bytes, a quarter of the memory. In the net they are floats: a step of gradient descent "
            "is far smaller than 1/255, and rounded to bytes it would be no step.",
        )


def about_code() -> None:
    """Beside the code: functions and lambdas."""
    asks(
        "Why functions and not lambdas?",
        "A lambda works until you save. `learn.export()` pickles the data block with its functions, and pickle keeps a "
        "function by its **name**: a lambda has none (`<lambda>`), so it fails with *Can't pickle*. A `def` at the top "
        "of a file is found again. Worker processes that load pictures meet the same wall. This lab pickles nothing, "
        "and still names its functions: a trace that says `get_y` can be read.",
    )


def notes(block: Leaf) -> None:
    """The idea, and where the data is from."""
    card, items = registry.card(block.dataset.name), block.items
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown(
            "Usually the hardest part is the data; the rest is straightforward. The **data block** takes it apart into "
            "six questions, so that each can be changed alone:\n\n"
            "1. Where are the inputs, and how are they made?\n2. How are they split into train and valid?\n"
            "3. How are they labelled?\n4. Which transforms? *(optional)*\n5. Is there a test set? *(optional)*\n"
            "6. How are they wrapped into batches?\n\n"
            "The kind of target then decides the loss, the last activation and the metrics: nothing about them has to "
            "be remembered. fastai stops after any step (`dblock.datasets(df)`, then `dsets.train[0]`) to look at one "
            "item; so does this page."
        )
    with right:
        st.markdown(f"**{card.title}** · {len(items):,} items · {card.teaches}")
        if card.citation:
            st.markdown(f"Citation: {card.citation}")
        st.markdown(f"Licence: {card.licence}")
        if card.page:
            st.markdown(f"[The page of its makers]({card.page})")
        if card.kind == "embedded":
            st.caption("embedded (synthetic) data: drawn by this project, from a fixed seed")
