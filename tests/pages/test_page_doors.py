"""The web process stays small: no page imports torch."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

PROGRAM = """
import sys
from streamlit.testing.v1 import AppTest
from pages.parts.lessons import lessons
app = AppTest.from_file("pages/shell.py", default_timeout=120).run()
assert not app.exception
for page in [lesson.path for lesson in lessons()] + ["runs"]:
    app.switch_page(f"{page}.py").run()
    assert not app.exception, (page, app.exception)
print(sorted({"torch", "torchvision", "timm"} & set(sys.modules)))
"""


def test_no_page_brings_torch_into_the_web_process(home):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr


def test_every_lesson_has_its_own_path():
    from pages.parts.lessons import _ALL

    assert len({lesson.path for lesson in _ALL}) == len(_ALL)
