"""BIWI Kinect head pose: the head's centre in the picture, from native pose and calibration files."""

from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from labcore.data.files import pictures
from labcore.data.items import Task
from labcore.data.labels import Index
from labcore.errors import UserError

HELD_OUT = "13"
"""The person that the course holds out."""


def load_index(root: Path, task: Task | None = None) -> Index:
    """Index ``01/frame_00003_rgb.jpg`` with ``01/frame_00003_pose.txt`` and ``01/rgb.cal``; or a CSV of points.

    The centre is the head's 3-D place (millimetres, in the colour camera's frame) seen through the colour camera's
    matrix: ``x = fx * X / Z + cx``. The table also carries ``yaw``, ``pitch`` and ``roll`` in degrees.

    Raises:
        UserError: no pose files are there, or a person has no calibration.
    """
    paths = [path for path in pictures(root) if PurePosixPath(path).stem.endswith("_rgb")]
    if not paths:
        if next(root.glob("*.csv"), None) is not None:
            from labcore.data.real import points_csv

            return points_csv.load_index(root, task)
        raise UserError(f"{root} holds no pictures named frame_00003_rgb.jpg. Point dataset.root to the BIWI folder.")
    cameras: dict[str, np.ndarray] = {}
    rows, points, left_out = [], [], []
    for path in paths:
        person = PurePosixPath(path).parent.name
        folder = root / PurePosixPath(path).parent
        if person not in cameras:
            cameras[person] = read_camera(folder / "rgb.cal")
        pose = folder / (PurePosixPath(path).stem.removesuffix("rgb") + "pose.txt")
        try:
            rotation, place = read_pose(pose)
        except (OSError, ValueError) as error:
            left_out.append(f"{person}/{PurePosixPath(path).name} has no readable pose ({error}); it was left out.")
            continue
        camera = cameras[person]
        points.append(camera[:2] @ (place / place[2]))
        rows.append((path, person, *angles(rotation)))
    if not rows:
        raise UserError(f"No picture in {root} has a pose file. They are named frame_00003_pose.txt.")
    table = pd.DataFrame(rows, columns=["path", "group", "yaw", "pitch", "roll"])
    table.insert(0, "item", [f"{PurePosixPath(p).parent.name}/{PurePosixPath(p).name}" for p in table["path"]])
    held = (table["group"] == HELD_OUT).to_numpy()
    if held.any() and not held.all():
        table["is_valid"] = held
        table.attrs["held_out_by"] = f"Person {HELD_OUT} is held out, as in the course."
    return Index(
        "biwi", "points", root, ("centre",), table, points=np.asarray(points)[:, None, :], left_out=tuple(left_out)
    )


def read_camera(path: Path) -> np.ndarray:
    """The colour camera's matrix, float64 [3, 3], from the first three lines of ``rgb.cal``.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        camera = np.asarray([[float(word) for word in line.split()] for line in path.read_text().splitlines()[:3]])
    except FileNotFoundError:
        raise UserError(
            f"The calibration {path} is missing, without which no head can be found in that person's pictures. "
            "Copy it from the original set, or remove the person's folder."
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"The calibration {path} cannot be read: {error}. Copy it anew.") from None
    if camera.shape != (3, 3):
        raise UserError(f"The calibration {path} does not start with a 3 x 3 matrix. Copy it anew.")
    return camera


def read_pose(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The head's rotation, float64 [3, 3], and its centre in millimetres, float64 [3].

    Raises:
        OSError: the file is missing.
        ValueError: it does not hold twelve numbers with a positive distance.
    """
    numbers = np.asarray([float(word) for word in path.read_text().split()])
    if numbers.shape != (12,) or not np.isfinite(numbers).all() or numbers[11] <= 0:
        raise ValueError(f"{path.name} does not hold a rotation and a place before the camera")
    return numbers[:9].reshape(3, 3), numbers[9:]


def angles(rotation: np.ndarray) -> tuple[float, float, float]:
    """(yaw, pitch, roll) in degrees of a rotation matrix."""
    pitch = np.arctan2(rotation[2, 1], rotation[2, 2])
    yaw = np.arctan2(-rotation[2, 0], np.hypot(rotation[2, 1], rotation[2, 2]))
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return tuple(float(np.degrees(angle)) for angle in (yaw, pitch, roll))
