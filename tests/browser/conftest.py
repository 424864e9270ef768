"""A server of the real app with a lab of its own, and a real Chromium to look at it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
START_SECONDS = 90


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


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """``streamlit run app.py`` on a free port, with an empty lab that this process shares."""
    home = tmp_path_factory.mktemp("lab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", str(home))
        patch.setenv("LAB_RECORDED", "false")  # tests press the buttons that come before a result
        options = [f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
        with (home / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", *options], cwd=REPOSITORY, stdout=log, stderr=log
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


@pytest.fixture
def visit(lab: Lab, chromium) -> Iterator[Callable]:
    """Open a page in a browser of its own; a bug in its scripts fails the test."""
    contexts, broken = [], []

    def open_page(path: str = "/", *, without_streams: bool = False, **options):
        context = chromium.new_context(viewport={"width": 1280, "height": 1000}, **options)
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
