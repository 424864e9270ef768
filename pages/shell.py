"""The frame around every page: navigation, and what the machine is doing, in the sidebar."""

import streamlit as st

from pages.parts.lessons import PAGES, lessons
from pages.parts.machine import machine_line

PICTURES = PAGES.parent / "assets" / "pictures"

st.set_page_config(page_title="Unfreeze", page_icon=str(PICTURES / "mark.svg"), layout="wide")
st.logo(PICTURES / "wordmark.svg", icon_image=PICTURES / "mark.svg", size="large")

home = st.Page("home.py", title="Home", icon=":material/home:", default=True)
runs = st.Page("runs.py", title="Runs", icon=":material/history:", url_path="runs")
pages = [st.Page(f"{one.path}.py", title=one.title, icon=one.icon, url_path=one.path) for one in lessons()]

page = st.navigation({"": [home], "Lessons": pages, "Kept": [runs]})
with st.sidebar:
    machine_line()
page.run()
