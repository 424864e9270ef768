"""The frame around every page: navigation, what the machine is doing, the projector mode, the link to share."""

import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))  # where this file is served by itself, without app.py and its routes

from pages.parts import carry, present, share, theme  # noqa: E402
from pages.parts.lessons import PAGES, lessons  # noqa: E402
from pages.parts.machine import machine_line  # noqa: E402

PICTURES = PAGES.parent / "assets" / "pictures"

st.set_page_config(page_title="Unfreeze", page_icon=str(PICTURES / "mark.svg"), layout="wide")
st.logo(PICTURES / "wordmark.svg", icon_image=PICTURES / "mark.svg", size="large")

home = st.Page("home.py", title="Home", icon=":material/home:", default=True)
runs = st.Page("runs.py", title="Runs", icon=":material/history:", url_path="runs")
pages = [st.Page(f"{one.path}.py", title=one.title, icon=one.icon, url_path=one.path) for one in lessons()]

page = st.navigation({"": [home], "Lessons": pages, "Kept": [runs]}, position="hidden" if present.on() else "sidebar")
carry.take(page.url_path)
theme.legible()
if present.on():
    present.bar(page.url_path, share.button)
else:
    with st.sidebar:
        machine_line()
        with st.container(horizontal=True):
            present.begin_button()
            share.button("stretch")
page.run()
