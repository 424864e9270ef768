"""Shapes: what one batch looks like, a picture's channels, more than three of them, and video as a rank-5 tensor."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from labcore.data import registry
from labcore.evaluation import channels
from labcore.models import sizes
from labcore.runs.artifacts import Artifacts
from labcore.runs.store import Row, open_store
from labcore.specs import HeadPoseSpec
from pages.parts import pose_draw, words
from pages.parts.kept import artifact

VIEWS = ("One batch", "R, G, B", "More channels", "Video")
FILTERS = 8
EXTRA = {4: "R, G, B and near infrared", 6: "two RGB pictures on one another", 13: "all bands of Sentinel-2"}
FLOAT = 4
"""Bytes of a number in single precision."""


def shapes_tab(spec: HeadPoseSpec, row: Row | None, told: dict[str, Any]) -> None:
    """One of the four."""
    view = st.segmented_control(
        "Shapes of", VIEWS, default=VIEWS[0], required=True, key="shapes view", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if view == "One batch":
        _batch(spec, told)
    elif view == "R, G, B":
        _channels(_picture(row))
    elif view == "More channels":
        _more(row, _picture(row))
    else:
        _video(spec)


def _size(spec: HeadPoseSpec) -> tuple[int, int]:
    return (spec.image_size,) * 2 if isinstance(spec.image_size, int) else spec.image_size


def _batch(spec: HeadPoseSpec, told: dict[str, Any]) -> None:
    height, width = _size(spec)
    points = len(told.get("points") or ()) or max(registry.card(spec.dataset.name).classes, 1)
    batch = told.get("batch") or {
        "pictures": [spec.batch_size, 3, height, width],
        "targets": [spec.batch_size, points, 2] if spec.target == "points" else [spec.batch_size, 3],
        "activations": [spec.batch_size, 2 * points if spec.target == "points" else 3],
    }
    st.code(
        "x, y = dls.one_batch()\n"
        f"x.shape              # torch.Size({batch['pictures']})\n"
        f"y.shape              # torch.Size({batch['targets']})\n"
        f"learn.model(x).shape # torch.Size({batch['activations']})",
        language="python",
    )
    size = int(np.prod(batch["pictures"]))
    rows = [
        ("pictures", batch["pictures"], "pictures per batch, channels, height, width"),
        ("targets", batch["targets"], _target_words(batch["targets"])),
        ("activations", batch["activations"], "pictures per batch, numbers of a flat last layer"),
    ]
    st.table(
        pd.DataFrame(
            [{"": name, "shape": str(list(shape)), "axes": axes, "numbers": f"{int(np.prod(shape)):,}"}
             for name, shape, axes in rows]
        ).set_index("")
    )  # fmt: skip
    if len(batch["targets"]) == 3:
        flat = [batch["targets"][0], int(np.prod(batch["targets"][1:]))]
        st.markdown(
            f"**Why {list(batch['targets'])} and not {flat}?** A target may hold several points (68 for a "
            "face), so there is "
            f"an axis for the points, here of length {batch['targets'][1]}, and one for x and y. Augmentation "
            "needs it so: it "
            f"moves *points*, each as a pair. A flat head says {flat[1]} numbers in a row; before the loss "
            "both are laid flat "
            "(that is the *Flat* of `MSELossFlat`), else broadcasting would compare every picture with every "
            "other one, "
            "without an error message. The lab's own head reads a heat map per point and keeps the axis: it answers "
            f"{list(batch['targets'])} itself."
        )
    origin = (
        "Pictures and targets as the run took them." if told.get("batch") else "As the settings say; no run told yet."
    )
    st.caption(
        f"The pictures alone are {size:,} numbers, {words.size(size * FLOAT)}; the targets "
        f"{int(np.prod(batch['targets'])):,}. {origin}"
    )


def _target_words(shape: list[int]) -> str:
    return "pictures per batch, points, x and y" if len(shape) == 3 else "pictures per batch, angles"


def _picture(row: Row | None) -> np.ndarray | None:
    found = artifact(row, "timelapse.npz") if row else None
    return found["pictures"][0] if found is not None and len(found["pictures"]) else None


def _channels(picture: np.ndarray | None) -> None:
    if picture is None:
        st.info("A run that points keeps the pictures that are shown here.", icon=":material/hourglass_empty:")
        return
    shown = [pose_draw.Pointed(picture, f"[3, {picture.shape[0]}, {picture.shape[1]}]", "all three together")]
    for place, (name, letter) in enumerate((("red", "R"), ("green", "G"), ("blue", "B"))):
        plane = picture[..., place]
        shown.append(
            pose_draw.Pointed(
                np.repeat(plane[..., None], 3, axis=2), f"{letter}, {name}", f"0 to 255, mean {plane.mean():.0f}"
            )
        )
    for place, name in enumerate(("red", "green", "blue")):
        tinted = np.zeros_like(picture)
        tinted[..., place] = picture[..., place]
        shown.append(pose_draw.Pointed(tinted, name, "the same numbers as light of its colour"))
    pose_draw.shelf(shown, most=4, least=160)
    st.code(
        "img = tensor(Image.open(path))            # [height, width, 3]\n"
        "r, g, b = img.permute(2, 0, 1).float()    # three pictures of one number per pixel\n"
        "show_images([r, g, b], titles=['R', 'G', 'B'], cmap='gray')",
        language="python",
    )
    st.caption("Each channel is a picture of its own, which a filter of the first layer can weigh by itself.")


@st.cache_data(max_entries=4, show_spinner=False)
def _first(run: str, name: str, sha256: str, url: str) -> tuple[str, np.ndarray] | None:
    from safetensors.numpy import load

    return channels.first_convolution(load(Artifacts().read(run, name)))


def _weights(row: Row | None) -> tuple[str, np.ndarray] | None:
    """The first convolution of the run's last stage."""
    if row is None:
        return None
    store = open_store()
    files = store.artifacts(row.id)
    stages = sorted((info["created"], name) for name, info in files.items() if name.startswith("stage-"))
    return _first(row.id, stages[-1][1], files[stages[-1][1]]["sha256"], store.url) if stages else None


def _more(row: Row | None, picture: np.ndarray | None) -> None:
    st.markdown(
        "*“Can we give multi-channel bigger than 3?” Yes, it is used often, as with satellite pictures. But a "
        "pretrained net "
        "has learnt filters for three.* So its first convolution is **adapted**, and the rest stays as it is."
    )
    found = _weights(row)
    if found is None:
        st.info(
            "A finished run keeps its weights; its first convolution is shown here.", icon=":material/hourglass_empty:"
        )
        return
    name, weight = found
    count = st.segmented_control(
        "Channels", tuple(EXTRA), default=4, required=True, key="channels", format_func=lambda n: f"{n}: {EXTRA[n]}"
    )
    new = channels.adapted(weight, count)
    st.code(
        f"{name}: {list(weight.shape)} -> {list(new.shape)}   "
        f"# [filters, channels, height, width], {weight.size:,} -> {new.size:,} weights",
        language="text",
    )
    _kernels(weight, new)
    st.markdown(
        f"Each filter's weights for R, G and B are repeated until there are {count}, then multiplied by 3 / {count} = "
        f"**{3 / count:.2f}**, so that its answers keep their size and the layers behind it see what they are used to."
    )
    if picture is not None:
        _answers(picture, weight, new, count)
    st.code(
        f"build_model(arch, weights, n_out, in_chans={count})  # labcore\ntimm.create_model(arch, in_chans={count})",
        language="python",
    )


def _kernels(weight: np.ndarray, new: np.ndarray) -> None:
    """The strongest filters, channel by channel."""
    strongest = np.argsort(-np.abs(weight).sum(axis=(1, 2, 3)))[:FILTERS]
    reach = np.abs(weight[strongest]).max() or 1.0

    def sheet(kernels: np.ndarray) -> np.ndarray:
        size = kernels.shape[-1] * 12
        canvas = np.full((kernels.shape[1] * (size + 4), len(kernels) * (size + 4)), 255, np.uint8)
        for column, kernel in enumerate(kernels):
            for line, plane in enumerate(kernel):
                grey = np.clip(127.5 + 127.5 * plane / reach, 0, 255).astype(np.uint8)
                block = np.kron(grey, np.ones((12, 12), np.uint8))
                canvas[
                    line * (size + 4) : line * (size + 4) + size, column * (size + 4) : column * (size + 4) + size
                ] = block
        return canvas

    left, right = st.columns(2, gap="medium")
    left.image(sheet(weight[strongest]), caption="R, G, B: the trained weights of 8 filters, one per column")
    right.image(sheet(new[strongest]), caption=f"{new.shape[1]} channels: repeated and scaled. Grey is 0, white is +")


def _answers(picture: np.ndarray, weight: np.ndarray, new: np.ndarray, count: int) -> None:
    """The same filter on three channels and on many: with alike channels the answer is the same."""
    strongest = int(np.argmax(np.abs(weight).sum(axis=(1, 2, 3))))
    light = picture.astype(np.float32) / 255 - 0.5
    many = np.concatenate([light] * (-(-count // 3)), axis=2)[..., :count]
    three = channels.response(light, weight[strongest])
    more = channels.response(many, new[strongest])
    shown = [pose_draw.Pointed(np.repeat(channels.as_picture(one)[..., None], 3, axis=2), title) for one, title in (
        (three, "its answer to R, G, B"), (more, f"and to {count} channels"))]  # fmt: skip
    pose_draw.shelf([pose_draw.Pointed(picture, "the picture"), *shown], most=3, least=180)
    agree = np.corrcoef(three.ravel(), more.ravel())[0, 1] if three.std() and more.std() else np.nan
    st.caption(
        f"The strongest filter on both. Their answers agree to {agree:.3f} (correlation); the further channels are the "
        "picture's own colours again, since this data set has no others. Fine-tuning teaches the new ones "
        "their meaning."
    )


def _video(spec: HeadPoseSpec) -> None:
    height, width = _size(spec)
    st.markdown(
        "*“How can I make a data set if I have video?” A rank-5 tensor. You can make this theoretically, but it is not "
        "practically used, because too big a tensor leads to out of memory.* How big?"
    )
    left, right = st.columns(2, gap="medium")
    frames = left.slider("Frames per clip", 1, 128, 16, key="video frames", help="Each clip is an item of the batch.")
    batch = right.select_slider("Clips per batch", (1, 2, 4, 8, 16, 32, 64), value=64, key="video clips",
                                help="As many as pictures now.")  # fmt: skip
    shape = [batch, frames, 3, height, width]
    numbers = int(np.prod(shape))
    alone = spec.batch_size * 3 * height * width
    st.code(
        f"x.shape   # torch.Size({shape})    [clips, time, channels, height, width]: rank 5, {numbers:,} numbers",
        language="python",
    )
    known = sizes.counted(spec.arch, 2)
    kept = known.activations * FLOAT * height * width / sizes.SIDE**2 if known else None
    rows = []
    for name, count in (
        (f"{spec.batch_size} pictures", spec.batch_size),
        (f"{batch} clips of {frames} frames", batch * frames),
    ):
        row = {"": name, "the batch alone": words.size(count * 3 * height * width * FLOAT)}
        if kept:
            row[f"and what {spec.arch} keeps of it for the way back"] = words.size(count * kept)
        rows.append(row)
    st.table(pd.DataFrame(rows).set_index(""))
    big = (
        f" At the usual 224 x 224 it would be {words.size(batch * frames * kept * 224 * 224 / (height * width))}."
        if kept
        else ""
    )
    st.markdown(
        f"That is **{numbers / alone:,.1f} times** a batch of pictures.{big} And neighbouring frames say "
        "almost the same, so "
        "most of it is paid for nothing. So frames are taken one by one, as here, and **held out by video**: "
        "time is in the "
        "split rather than in the tensor."
    )
    st.caption(
        "If every frame goes through the net as a picture does. The activations of its layers, counted once, "
        "set what fits; "
        "the batch itself is small beside them."
    )
