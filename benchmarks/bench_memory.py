"""Resident memory of the web process, the engine and its worker while each experiment's default run is under way.

python benchmarks/bench_memory.py [--experiments lr_finder fine_tune]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(Path(__file__).resolve().parent)]

from viewer import Viewer  # noqa: E402

BUDGET = 1536.0
"""MB: what the whole lab may take on the free cloud box."""
PORT = 8761


def resident(*processes: psutil.Process) -> float:
    """MB of some processes, shared pages counted once (PSS where the system tells it)."""
    total = 0.0
    for member in processes:
        try:
            full = member.memory_full_info()
            total += getattr(full, "pss", full.rss) / 2**20
        except psutil.Error:
            continue
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", nargs="+", default=["lr_finder"])
    options = parser.parse_args()
    home = tempfile.mkdtemp()
    os.environ["LAB_HOME"] = home
    from labcore import specs
    from labcore.runs import engine
    from labcore.runs.run import submit

    subprocess.run([sys.executable, "-m", "labcore", "data", "get", "critters"], cwd=REPOSITORY, check=True)
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    with Path(os.devnull).open("wb") as nothing:
        app = subprocess.Popen([*command, "--server.port", str(PORT)], cwd=REPOSITORY, stdout=nothing, stderr=nothing)
    try:
        while not (engine.state() or {}).get("warm"):
            time.sleep(0.2)
        for name in options.experiments:
            run = submit(specs.spec_type(name)())
            peak = {"web": 0.0, "engine and worker": 0.0, "together": 0.0}
            with Viewer(PORT, name) as tab:
                while run.status in ("queued", "running"):
                    tab.rerun()
                    web = resident(psutil.Process(app.pid))
                    busy = psutil.Process(int(engine.state()["process"].rsplit(":", 2)[1]))
                    trains = resident(busy, *busy.children(recursive=True))
                    now = {"web": web, "engine and worker": trains, "together": web + trains}
                    peak = {part: max(peak[part], now[part]) for part in peak}
                    time.sleep(0.3)
            shown = ", ".join(f"{part} {megabytes:.0f} MB" for part, megabytes in peak.items())
            print(f"{name} ({run.status}, {run.row.seconds:.0f} s): {shown}; ratio to {BUDGET:.0f} MB:"
                  f" {peak['together'] / BUDGET:.2f}")  # fmt: skip
    finally:
        app.terminate()
        app.wait(20)
        engine.end()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
