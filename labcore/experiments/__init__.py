"""One file per experiment, ``run(spec, job) -> metrics``: the only room that joins data, models and training."""

import contextlib
import ctypes
import gc
import importlib
import os
import platform
from pathlib import Path
from typing import Any

from labcore.settings import settings

# Threads that wait for each other spin for some microseconds, then sleep. Spinning on, OpenMP's default, makes a step 5
# times slower where cores are shared (a browser, a server, other runs); sleeping at once makes it 1.6 times slower
# where they are not. Read when torch loads OpenMP, so set before that. The figures stand in benchmarks/README.md.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 2**30
MAPPED_BYTES = 2**25
"""glibc hands large freed blocks back to the system, and a training step then pays for fetching its activations anew,
page by page: 1.3 to 1.5 times the time. Up to 1 GiB stays with the process, blocks below 32 MiB (glibc's limit) are
not mapped one by one."""


def _keep_memory() -> None:
    with contextlib.suppress(OSError, AttributeError):  # other C libraries have no mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)


_keep_memory()


def run(name: str, spec: Any, job: Any) -> dict[str, float]:
    """Carry out one experiment; return its metrics by their fixed names."""
    import torch

    torch.set_num_threads(threads())
    return importlib.import_module(f"labcore.experiments.{name}").run(spec, job)


def warm() -> dict[str, Any]:
    """Import what every run needs, set the threads, touch the device once; return what pages show of the machine."""
    import timm
    import torch

    from labcore.training.precision import resolve, resolve_device

    torch.set_num_threads(threads())
    device = resolve_device("auto")
    model = timm.create_model("mobilenetv3_small_050", num_classes=2).to(device)
    model(torch.zeros(2, 3, 32, 32, device=device)).sum().backward()
    cuda = device.type == "cuda"
    return {
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device) if cuda else _cpu_name(),
        "device_memory": torch.cuda.get_device_properties(device).total_memory if cuda else 0,
        "precision": resolve("auto", device).name,
        "threads": torch.get_num_threads(),
        # As plain text: torch's own version type would make the engine, to which this travels, import torch (330 MB).
        "versions": {"torch": str(torch.__version__), "timm": timm.__version__, "python": platform.python_version()},
    }


def rest() -> None:
    """After a run: what it left goes back to the system, since the next one is perhaps minutes away."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def threads() -> int:
    """CPU threads of a worker: ``LAB_THREADS``, or every core that this process may use."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return settings().threads or available


def _cpu_name() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
