"""What leaves the lab: weights, ONNX, the card, and the run as a script, a notebook and as fastai code."""

import json
from typing import Any

import streamlit as st

from labcore.runs.artifacts import Artifacts
from labcore.runs.store import Row, open_store
from labcore.specs import FineTuneSpec, Stage, changed
from labcore.training import plans
from labcore.training.schedules import SLICE_DIVISOR
from pages.parts import words

NAMED = {
    "model.onnx": ("ONNX, pixels in", ":material/deployed_code:"),
    "card.json": ("Card", ":material/badge:"),
    "predictions.npz": ("Valid predictions", ":material/table:"),
}


def arguments(spec: FineTuneSpec) -> dict[str, Any]:
    """The dotted names that differ from the default, as plain values that JSON can hold."""
    said = changed(spec)
    if "plan" in said:
        plain = Stage().model_dump(mode="json")
        said["plan"] = [
            {name: value for name, value in stage.model_dump(mode="json").items() if value != plain[name]}
            or {"epochs": 1}
            for stage in spec.plan
        ]
    return json.loads(json.dumps(said))


def command(spec: FineTuneSpec) -> str:
    """The run as one line for a shell."""
    import shlex

    parts = [
        shlex.quote(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
        for name, value in arguments(spec).items()
    ]
    return " ".join(["python -m labcore run fine_tune", *(f"--set {part}" for part in parts)])


def script(spec: FineTuneSpec) -> str:
    """The run as a Python script: it gives the same key, so it finds the same result."""
    return (
        '"""Repeat a fine-tuning run of Unfreeze. Put it beside the labcore folder and run it."""\n\n'
        "import labcore\n"
        "from labcore.specs import FineTuneSpec\n\n"
        f"spec = FineTuneSpec.of({_literal(arguments(spec))})\n\n"
        'if __name__ == "__main__":\n'
        "    run = labcore.run(spec)\n"
        "    for name, value in run.metrics.items():\n"
        '        print(f"{name:<24} {value}")\n'
    )


def _literal(value: Any, indent: int = 0) -> str:
    if isinstance(value, dict) and value and indent == 0:
        inner = "".join(f"    {name!r}: {_literal(part, 1)},\n" for name, part in value.items())
        return "{\n" + inner + "}"
    return repr(value)


def notebook(spec: FineTuneSpec) -> bytes:
    """The run as an .ipynb: the spec, the run, its curves, its worst mistakes."""
    cells = [
        ("markdown", "# A fine-tuning run of Unfreeze\n\nOpen it in the folder that holds `labcore`."),
        (
            "code",
            "import labcore\nfrom labcore.specs import FineTuneSpec\n\n"
            f"spec = FineTuneSpec.of({_literal(arguments(spec))})",
        ),
        ("code", "run = labcore.submit(spec).wait()\nrun.status, run.metrics"),
        (
            "code",
            "import plotly.graph_objects as go\n\n"
            'curves = {name: run.series(name) for name in ("smooth_loss", "valid_loss")}\n'
            "go.Figure([go.Scatter(x=one.steps, y=one.values, name=name) for name, one in curves.items()])",
        ),
        (
            "code",
            "from labcore.evaluation import classification\n\n"
            'found = run.artifact("predictions.npz")\n'
            'classes = tuple(str(name) for name in found["classes"])\n'
            'classification.top_losses(found["probs"], found["targets"], classes, 9)',
        ),
    ]  # fmt: skip
    content = {
        "cells": [_cell(number, kind, text) for number, (kind, text) in enumerate(cells)],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1).encode()


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def fastai_code(spec: FineTuneSpec) -> str:
    """The same plan in fastai."""
    size = spec.image_size if isinstance(spec.image_size, int) else tuple(spec.image_size)
    lines = [
        "from fastai.vision.all import *",
        "",
        f"dls = ImageDataLoaders.from_folder(path, valid_pct={spec.dataset.valid_pct}, seed={spec.dataset.split_seed},",
        f"    item_tfms=Resize({size}), bs={spec.batch_size})",
        f"learn = vision_learner(dls, {spec.arch!r}, metrics=error_rate, wd={spec.weight_decay:g})",
    ]
    frozen = -1
    for stage, name in zip(spec.plan, plans.names_of(spec.plan), strict=True):
        if stage.freeze_to != frozen:
            lines.append("learn.unfreeze()" if stage.freeze_to == 0 else f"learn.freeze_to({stage.freeze_to})")
            frozen = stage.freeze_to
        lines.append(f"{_fit(stage)}  # {name}")
    return "\n".join(lines)


def _fit(stage: Stage) -> str:
    if stage.tenth:
        rate = f"slice({stage.lr:g})"
    elif stage.lr_lo:
        rate = f"slice({stage.lr_lo:g}, {stage.lr:g})"
    else:
        rate = f"{stage.lr:g}"
    if stage.schedule == "constant":
        return f"learn.fit({stage.epochs}, {rate})"
    plain = Stage()
    more = "".join(
        f", {name}={getattr(stage, name):g}"
        for name in ("pct_start", "div", "div_final")
        if getattr(stage, name) != getattr(plain, name)
    )
    return f"learn.fit_one_cycle({stage.epochs}, {rate}{more})"


def torch_code(spec: FineTuneSpec) -> str:
    """The same plan in plain PyTorch, down to the rates of each step."""
    stages = []
    for stage in spec.plan:
        lo = stage.lr / SLICE_DIVISOR if stage.tenth else stage.lr_lo or stage.lr
        stages.append((stage.freeze_to == -1, stage.epochs, lo, stage.lr, stage.pct_start, stage.div))
    listed = "".join(f"    {one!r},\n" for one in stages)
    return (
        "import math\nimport torch\n\n"
        "# (only the head, epochs, first layers' rate, head's rate, share of the climb, start divisor)\n"
        f"STAGES = [\n{listed}]\n"
        "groups = [early, late, head]  # lists of parameters, earliest layers first\n"
        "named = [{'params': group} for group in groups]\n"
        f"optimizer = torch.optim.AdamW(named, eps=1e-5, weight_decay={spec.weight_decay:g})\n\n"
        "def cosine(a, b, t):\n    return a + (b - a) * (1 - math.cos(math.pi * t)) / 2\n\n"
        "for frozen, epochs, lo, hi, climb, div in STAGES:\n"
        "    for parameter in early + late:\n        parameter.requires_grad_(not frozen)\n"
        "    tops = [lo * (hi / lo) ** (i / 2) for i in range(3)]\n"
        "    total = epochs * len(loader)\n"
        "    for epoch in range(epochs):\n"
        "        for i, (x, y) in enumerate(loader):\n"
        "            t = (epoch * len(loader) + i) / total\n"
        "            for group, top in zip(optimizer.param_groups, tops):\n"
        "                up = cosine(top / div, top, t / climb) if t < climb else None\n"
        "                group['lr'] = up if up is not None else cosine(top, top / 1e5, (t - climb) / (1 - climb))\n"
        "            loss = torch.nn.functional.cross_entropy(model(x), y)\n"
        "            loss.backward()\n            optimizer.step()\n            optimizer.zero_grad()\n"
    )


def export_tab(row: Row) -> None:
    """Everything to take away."""
    spec = FineTuneSpec.model_validate(row.spec)
    files = open_store().artifacts(row.id)
    kept = {name: NAMED[name] for name in NAMED if name in files}
    kept |= {
        name: (f"Weights: {name.removeprefix('stage-').removesuffix('.safetensors')}", ":material/save:")
        for name in files
        if name.startswith("stage-")
    }
    with st.container(horizontal=True):
        for name, (label, icon) in kept.items():
            st.download_button(
                f"{label} ({words.size(files[name]['bytes'])})", lambda name=name: Artifacts().read(row.id, name),
                file_name=f"{row.id}-{name}", key=f"download {name}", icon=icon, on_click="ignore",
            )  # fmt: skip
        for label, data, name in (
            ("Python script", script(spec), "repeat.py"),
            ("Notebook", notebook(spec), "repeat.ipynb"),
        ):
            st.download_button(
                label,
                data,
                file_name=f"{row.id}-{name}",
                key=f"download {name}",
                icon=":material/code:",
                on_click="ignore",
            )
    st.caption(
        "The ONNX file takes uint8 pictures [N, height, width, 3] and normalises them itself. It gives two readings: "
        "`logits` for softmax, `alone` for one sigmoid per class."
    )
    st.code(f"python -m labcore predict {row.id} picture.jpg", language="bash")


def code_tab(spec: FineTuneSpec) -> None:
    """This very run in four tongues."""
    st.caption("As a command, with the same key: it finds the same result.")
    st.code(command(spec), language="bash")
    st.caption("In Python, with labcore.")
    st.code(script(spec), language="python")
    st.caption("In fastai.")
    st.code(fastai_code(spec), language="python")
    st.caption("In plain PyTorch: rates and freezing of each step.")
    st.code(torch_code(spec), language="python")
