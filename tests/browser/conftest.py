"""A server of the real app with a lab of its own, and a real Chromium to look at it."""

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
START_SECONDS = 90
BREEDS = ("Abyssinian", "beagle", "Bombay")


@dataclass(frozen=True)
class Lab:
    """A running app: where it answers, and its LAB_HOME."""

    url: str
    home: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """The system's Chromium; without one, tests skip, unless CI says that they must not."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        if os.environ.get("UNFREEZE_REQUIRE_BROWSER"):
            pytest.fail("The browser tests have to run here, and there is no chromium.")
        pytest.skip("no chromium on this machine (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def serving(home: Path, script: str = "app.py", **environment: str) -> Iterator[Lab]:
    """``streamlit run`` on a free port, with a lab in ``home`` that this process shares; its engine ends as well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with pytest.MonkeyPatch.context() as patch:
        # Without recorded runs: tests press the buttons that come before a result.
        for name, value in ({"LAB_HOME": str(home), "LAB_RECORDED": "false"} | environment).items():
            patch.setenv(name, value)
        options = [f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
        with (home / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", script, *options], cwd=REPOSITORY, stdout=log, stderr=log
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(OSError):
                    if urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).status == 200:
                        break
                assert server.poll() is None and time.monotonic() < deadline, (home / "server.log").read_text()
                time.sleep(0.1)
            yield Lab(url, home)
        finally:
            server.terminate()
            server.wait(20)
            from labcore.runs import engine
            from labcore.runs.store import open_store

            engine.end()
            open_store().close()


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The app with an empty lab; a module's SERVED says how it is served where that matters (script, settings)."""
    with serving(tmp_path_factory.mktemp("lab"), **getattr(request.module, "SERVED", {})) as made:
        yield made


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few coloured pictures in the layout of the pets set."""
    folder = tmp_path_factory.mktemp("pets") / "images"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for breed, color in zip(BREEDS, ((200, 90, 60), (60, 160, 90), (70, 90, 200)), strict=True):
        for number in range(30):
            noise = draw.integers(-40, 40, (48, 48, 3))
            Image.fromarray(np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)).save(
                folder / f"{breed}_{number}.jpg"
            )
    return folder.parent


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of sixteen pictures with a folder per class."""
    file = tmp_path_factory.mktemp("upload") / "set.zip"
    draw = np.random.default_rng(0)
    with zipfile.ZipFile(file, "w") as archive:
        for name, color in (("ember", (200, 80, 30)), ("moss", (60, 140, 70))):
            for number in range(8):
                pixels = np.clip(np.array(color) + draw.integers(-40, 40, (40, 60, 3)), 0, 255).astype(np.uint8)
                buffer = io.BytesIO()
                Image.fromarray(pixels).save(buffer, "PNG")
                archive.writestr(f"set/{name}/{name}{number}.png", buffer.getvalue())
    return file


@pytest.fixture
def visit(lab: Lab, chromium) -> Iterator[Callable]:
    """Open a page in a browser of its own; a bug in its scripts fails the test."""
    contexts, broken = [], []

    def open_page(path: str = "/", *, without_streams: bool = False, **options):
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 1000}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        if without_streams:
            context.route("**/api/**", lambda route: route.abort())
        page.goto(lab.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert broken == []
