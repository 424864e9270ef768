"""What the lab found in a folder or an upload: which lesson fits, what is wrong, how to mend it."""

import contextlib

import streamlit as st

from labcore.data import check, registry
from labcore.errors import UserError
from labcore.settings import settings
from labcore.specs import DatasetSpec


@st.cache_data(max_entries=16, show_spinner="Looking at every file")
def _report(root: str, fingerprint: str) -> check.Report:
    return check.check(root)


def report(dataset: DatasetSpec) -> None:
    """The check of the data at hand, folded away where nothing is wrong."""
    if not dataset.root:
        st.info(_how_to(), icon=":material/folder_open:")
        return
    fingerprint = ""
    with contextlib.suppress(UserError):  # the check says the same in its own words
        fingerprint = registry.fingerprint(dataset)
    found = _report(str(registry.place(dataset)), fingerprint)
    wrong = [problem for problem in found.problems if problem.stops]
    name = "Your data" if settings().mode == "public" else str(found.path)
    title = f"The check: {len(found.problems)} things to mind" if found.problems else "The check: nothing is wrong"
    with st.expander(title, expanded=bool(wrong), icon=":material/fact_check:"):
        st.markdown(found.found.replace(str(found.path), name))
        if found.fits:
            st.markdown(f"Fits: {', '.join(found.fits)}.")
        for note in found.notes:
            st.markdown(f"- {note}")
        for problem in found.problems:
            show = st.error if problem.stops else st.warning
            show(problem.what.replace(str(found.path), name))
        st.caption("In a shell: `python -m labcore data check PATH`")


def _how_to() -> str:
    where = "upload a zip or a CSV" if settings().mode == "public" else "name a folder of this machine, or upload a zip"
    return (
        f"To use your own data, {where}. The lab knows a folder per class (perhaps below train and valid); names like "
        "beagle_12.jpg; images/ with labels/ and codes.txt; and a CSV with file names and labels, tags, x and y "
        "columns, or with users, items and ratings."
    )
