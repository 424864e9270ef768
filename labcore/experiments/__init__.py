"""One file per experiment, ``run(spec, job) -> metrics``: the only room that joins data, models and training."""

import importlib
import os
import platform
from pathlib import Path
from typing import Any

from labcore.settings import settings

# Threads that wait for each other must sleep, not spin: a lab shares its cores with a browser and a server, and
# spinning made a training step 5 times slower on a busy machine. Read when torch loads OpenMP, so set before that.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


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
        "versions": {"torch": torch.__version__, "timm": timm.__version__, "python": platform.python_version()},
    }


def threads() -> int:
    """CPU threads of a worker: ``LAB_THREADS``, or every core that this process may use."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return settings().threads or available


def _cpu_name() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
