"""What can be asked for: one frozen model per experiment, a file each.

A spec is a page's state, its URL and its cache key at once. Fields are documented where they stand; the pages show
those very sentences as help. Nothing here imports torch: the web process builds specs on every rerun.
"""

import hashlib
import json

from labcore.errors import UserError
from labcore.specs.base import Size, Spec, changed, flatten
from labcore.specs.collab import CollabSpec
from labcore.specs.fine_tune import SUITED, FineTuneSpec
from labcore.specs.head_pose import SUITED_POSES, HeadPoseSpec
from labcore.specs.lr_finder import LRFinderSpec
from labcore.specs.segmentation import SUITED_MASKS, SegmentationSpec
from labcore.specs.shared import DatasetSpec, ImageSpec, Stage
from labcore.specs.thresholds import ThresholdsSpec

__all__ = [
    "EXPERIMENTS", "RESULTS_VERSION", "SUITED", "SUITED_MASKS", "SUITED_POSES", "CollabSpec", "DatasetSpec",
    "FineTuneSpec", "HeadPoseSpec", "ImageSpec", "LRFinderSpec", "SegmentationSpec", "Size", "Spec", "Stage",
    "ThresholdsSpec", "changed", "experiment_of", "flatten", "run_key", "spec_type",
]  # fmt: skip

RESULTS_VERSION = 2
"""Raised whenever the same spec would give other numbers, so that old results are not shown for new code."""

EXPERIMENTS: dict[str, type[Spec]] = {
    "lr_finder": LRFinderSpec,
    "fine_tune": FineTuneSpec,
    "thresholds": ThresholdsSpec,
    "segmentation": SegmentationSpec,
    "head_pose": HeadPoseSpec,
    "collab": CollabSpec,
}
"""Every experiment by its fixed name."""


def spec_type(experiment: str) -> type[Spec]:
    """The spec of an experiment.

    Raises:
        UserError: there is no experiment of that name.
    """
    if experiment not in EXPERIMENTS:
        raise UserError(f"There is no experiment {experiment!r}. Choose among: {', '.join(EXPERIMENTS)}.")
    return EXPERIMENTS[experiment]


def experiment_of(spec: Spec) -> str:
    """The fixed name of the experiment that a spec asks for."""
    return next(name for name, cls in EXPERIMENTS.items() if type(spec) is cls)


def run_key(spec: Spec, data_fingerprint: str, weights_fingerprint: str = "") -> str:
    """The name under which a result is cached.

    A folder's place on disk is left out: its content, as the fingerprint, stands for it. The same pictures under
    another path are the same run.
    """
    asked = json.loads(spec.canonical())
    if isinstance(asked.get("dataset"), dict):
        asked["dataset"].pop("root", None)
    if weights_fingerprint:
        asked["weights"] = weights_fingerprint
    text = json.dumps([experiment_of(spec), asked, data_fingerprint, RESULTS_VERSION], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
