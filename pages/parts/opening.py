"""A page opens on a result: the default run where it is known, else the latest finished one."""

import contextlib
from collections.abc import Callable

import streamlit as st

from labcore.errors import UserError
from labcore.runs.store import open_store
from labcore.specs import Spec, experiment_of
from pages.parts import controls, present, run_panel

LOOKED_AT = 20
"""Finished runs that are looked through for one to open on."""


def first_visit(page: str) -> bool:
    """Whether this browser session sees the page for the first time."""
    name = f"visited {page}"
    first = name not in st.session_state
    st.session_state[name] = True
    return first


def open_on_a_result(
    default: Spec, *, show: Callable[[Spec], None] = controls.seed, fits: Callable[[Spec], bool] = lambda spec: True
) -> bool:
    """On a first visit without wishes, set the controls to a run that is there; says whether it did.

    Args:
        default: the page's default spec, preferred where its result is known.
        show: sets the page's controls to a spec, before they are drawn.
        fits: whether the page's controls can show a spec.
    """
    page = experiment_of(default)
    if not first_visit(page) or set(st.query_params) - {present.PARAMETER}:
        return False
    done = open_store().find(experiment=page, status=["done"], limit=LOOKED_AT)
    for spec in [default, *(type(default).model_validate(row.spec) for row in done)]:
        # A result whose data or weights have changed since is not found under its spec any more.
        with contextlib.suppress(UserError):
            if fits(spec) and run_panel.row_of(spec) is not None:
                show(spec)
                return True
    return False
