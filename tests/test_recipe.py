"""CONTRIBUTING's recipe for a page, followed to the letter in a copy of the lab."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
TEMPLATE = REPOSITORY / "docs" / "template"
PLACES = {
    "spec": "labcore/specs",
    "experiment": "labcore/experiments",
    "figures": "labcore/figures",
    "page": "pages",
}
LOOK = """
import json, sys
from streamlit.testing.v1 import AppTest

app = AppTest.from_file("pages/descent.py", default_timeout=60).run()
said = [element.value for kind in (app.title, app.metric, app.error, app.exception) for element in kind]
print(json.dumps(said))
"""


@pytest.fixture
def copy(tmp_path):
    """The lab with the template's files under the name of a lesson, and its two entries."""
    lab = tmp_path / "copy"
    for folder in ("labcore", "pages", ".streamlit"):
        shutil.copytree(REPOSITORY / folder, lab / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (lab / "assets").symlink_to(REPOSITORY / "assets")
    for source, place in PLACES.items():
        shutil.copy(TEMPLATE / f"{source}.py", lab / place / "descent.py")
    specs = lab / "labcore" / "specs" / "__init__.py"
    edit(specs, "from labcore.specs.fine", "from labcore.specs.descent import DescentSpec\nfrom labcore.specs.fine")
    edit(specs, '    "lr_finder": LRF', '    "descent": DescentSpec,\n    "lr_finder": LRF')
    entry = 'Lesson("descent", "Descent", ":material/south:", "How long may a step be?", "Walk down a parabola.")'
    edit(lab / "pages" / "parts" / "lessons.py", "_ALL = (\n", f"_ALL = (\n    {entry},\n")
    return lab


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def run(lab: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"LAB_HOME": str(lab / "home"), "PYTHONPATH": str(lab)}
    return subprocess.run([sys.executable, *arguments], cwd=lab, env=environment, capture_output=True, text=True)


def test_the_files_of_the_template_make_a_page_that_runs(copy):
    done = run(copy, "-m", "labcore", "run", "descent", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["status"] == "done" and told["metrics"]["loss"] < 1e-6 < told["metrics"]["baseline_loss"]

    looked = run(copy, "-c", LOOK)
    assert looked.returncode == 0, looked.stderr
    title, loss = json.loads(looked.stdout.splitlines()[-1])
    assert title == "How long may a step be?" and float(loss) < 1e-6


WARM = """
import sys
from labcore import specs
from labcore.cli import main
specs.EXPERIMENTS = {"descent": specs.DescentSpec}
sys.argv = ["labcore", "warm", "--record", "bundles"]
main()
"""
OPEN = """
from pathlib import Path
from labcore.runs import recorded
recorded.take_in(Path("bundles"))
"""


def test_its_default_run_is_recorded_and_the_page_opens_on_it_elsewhere(copy):
    warmed = run(copy, "-c", WARM)
    assert warmed.returncode == 0 and "descent.zip" in warmed.stdout, warmed.stderr
    again = run(copy, "-c", WARM)
    assert again.stdout.split()[4] == warmed.stdout.split()[4]  # the same run: what is known is not run again
    (copy / "home").rename(copy / "before")
    looked = run(copy, "-c", OPEN + LOOK.replace("(app.title,", "(app.caption, app.title,"))
    assert looked.returncode == 0, looked.stderr
    said = json.loads(looked.stdout.splitlines()[-1])
    assert any(text.startswith("recorded on cpu") for text in said)
    redone = run(copy, "-c", WARM)
    assert redone.stdout.split()[4] != warmed.stdout.split()[4]  # a recorded run is redone on this machine


def test_its_mistakes_end_with_a_sentence(copy):
    done = run(copy, "-m", "labcore", "run", "descent", "--set", "lr=1.5")
    assert done.returncode == 1 and "Take a rate below 1" in done.stderr and "Traceback" not in done.stderr
