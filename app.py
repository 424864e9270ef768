"""Unfreeze, the launcher: ``streamlit run app.py``. Serves the pages and the live streams, and starts the engine."""

import logging
import sys
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # an ASGI server may import this file from another folder

from labcore.errors import UserError  # noqa: E402
from labcore.runs import engine, recorded, stream  # noqa: E402

try:
    engine.ensure()  # imports torch in a process of its own while the reader still reads
    recorded.take_in()
except UserError as error:
    logging.getLogger(__name__).error("%s", error)  # the pages say it too, and the lab can still be looked at

app = st.App(HERE / "pages" / "shell.py", routes=stream.routes())

if __name__ == "__main__":
    app.run()
