"""A page's settings as code: a command, this lab's Python, fastai and plain PyTorch, in the same order everywhere."""

import json
import shlex
from typing import Any

import streamlit as st

from labcore.specs import Spec, Stage, changed, experiment_of


def arguments(spec: Spec) -> dict[str, Any]:
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


def command(spec: Spec) -> str:
    """The run as one line for a shell."""
    parts = [
        shlex.quote(f"{name}={value if isinstance(value, str) else json.dumps(value)}")
        for name, value in arguments(spec).items()
    ]
    return " ".join([f"python -m labcore run {experiment_of(spec)}", *(f"--set {part}" for part in parts)])


def literal(value: Any) -> str:
    """A value as Python source; the outermost dict with one name per line."""
    if isinstance(value, dict) and value:
        return "{\n" + "".join(f"    {name!r}: {part!r},\n" for name, part in value.items()) + "}"
    return repr(value)


def script(spec: Spec) -> str:
    """The run as a Python script: it gives the same key, so it finds the same result."""
    name = type(spec).__name__
    given = arguments(spec)
    return (
        '"""Repeat a run of Unfreeze. Put it beside the labcore folder and run it."""\n\n'
        "import labcore\n"
        f"from labcore.specs import {name}\n\n"
        f"spec = {name}.of({literal(given) if given else ''})\n\n"
        'if __name__ == "__main__":\n'
        "    run = labcore.run(spec)\n"
        "    for name, value in run.metrics.items():\n"
        '        print(f"{name:<24} {value}")\n'
    )


def notebook(spec: Spec, curves: tuple[str, ...], reading: str = "") -> bytes:
    """The run as an .ipynb: the spec, the run, its curves, and what is read off it.

    Args:
        spec: what to run.
        curves: series to draw.
        reading: source of a last cell; it finds the run as ``run``.
    """
    name = type(spec).__name__
    given = arguments(spec)
    cells = [
        ("markdown", "# A run of Unfreeze\n\nOpen it in the folder that holds `labcore`."),
        (
            "code",
            f"import labcore\nfrom labcore.specs import {name}\n\nspec = {name}.of({literal(given) if given else ''})",
        ),
        ("code", "run = labcore.submit(spec).wait()\nrun.status, run.metrics"),
        (
            "code",
            "import plotly.graph_objects as go\n\n"
            f"curves = {{name: run.series(name) for name in {curves!r}}}\n"
            "go.Figure([go.Scatter(x=one.steps, y=one.values, name=name) for name, one in curves.items()])",
        ),
        *([("code", reading)] if reading else []),
    ]
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


def code_tab(spec: Spec, *, fastai: str, torch: str) -> None:
    """This very run in four tongues.

    Args:
        spec: what the page's controls say.
        fastai: the same in fastai.
        torch: the same in plain PyTorch.
    """
    for title, text, language in (
        ("As a command, with the same key: it finds the same result.", command(spec), "bash"),
        ("In Python, with labcore.", script(spec), "python"),
        ("In fastai: the same plan on the library's own loop.", fastai, "python"),
        ("In plain PyTorch: rates and freezing of each step.", torch, "python"),
    ):
        st.caption(title)
        st.code(text, language=language)
