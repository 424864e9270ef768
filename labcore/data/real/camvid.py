"""CamVid: driving scenes with a class for every pixel, 32 codes or the 11 classes and void of later papers."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from labcore.data import labels
from labcore.data.files import pictures
from labcore.data.items import Task
from labcore.data.labels import Index
from labcore.errors import UserError

ELEVEN = (
    "Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist",
    "Void",
)  # fmt: skip
"""The eleven classes that most papers since Sturgess et al. (BMVC 2009) report, SegNet's and Tiramisu's, and void."""
GATHERED = {
    "Sky": ("Sky",),
    "Building": ("Archway", "Bridge", "Building", "Tunnel", "Wall"),
    "Pole": ("Column_Pole", "TrafficCone"),
    "Road": ("LaneMkgsDriv", "LaneMkgsNonDriv", "Road"),
    "Pavement": ("ParkingBlock", "RoadShoulder", "Sidewalk"),
    "Tree": ("Tree", "VegetationMisc"),
    "SignSymbol": ("Misc_Text", "SignSymbol", "TrafficLight"),
    "Fence": ("Fence",),
    "Car": ("Car", "OtherMoving", "SUVPickupTruck", "Train", "Truck_Bus"),
    "Pedestrian": ("Animal", "CartLuggagePram", "Child", "Pedestrian"),
    "Bicyclist": ("Bicyclist", "MotorcycleScooter"),
}
"""Which of CamVid's 32 codes each of them gathers; what is in none is void."""


def eleven_of(classes: Sequence[str]) -> tuple[np.ndarray, int]:
    """A table uint8 [256] from codes to the eleven classes, and the number of void.

    Args:
        classes: CamVid's 32 names, or the eleven themselves, in any order.

    Raises:
        UserError: the codes are of another set.
    """
    void = ELEVEN.index("Void")
    names = {name: ELEVEN.index(target) for target, parts in GATHERED.items() for name in (*parts, target)}
    missing = [name for name in ELEVEN[:void] if name not in classes and not set(GATHERED[name]) & set(classes)]
    if missing:
        raise UserError(f"Only CamVid's codes gather into eleven classes; {missing[0]} is not here. Set classes=all.")
    table = np.full(256, void, np.uint8)
    table[: len(classes)] = [names.get(name, void) for name in classes]
    return table, void


def load_index(root: Path, task: Task | None = None) -> Index:
    """Index ``images/NAME.png``, ``labels/NAME_P.png``, ``codes.txt``, and where there ``valid.txt``, ``test.txt``.

    The number in a label's pixel is the line of ``codes.txt``; the class named Void is counted in no metric. The part
    of a name before its last underscore is its video.

    Raises:
        UserError: pictures, labels or codes are missing.
    """
    return mask_folder(root, "camvid", "labels", "_P")


def mask_folder(root: Path, name: str, folder: str, suffix: str) -> Index:
    """Index any set of this layout: ``images/``, a folder of masks named alike plus ``suffix``, and ``codes.txt``.

    Where each line of it begins with a colour ("64 0 128 Car", as in CamVid's own ``label_colors.txt``), masks may be
    painted in these colours.
    """
    paths = pictures(root, "images") if (root / "images").is_dir() else []
    if not paths:
        raise UserError(
            f"{root} has no pictures in images. The layout is images/NAME.png and {folder}/NAME{suffix}.png."
        )
    if not (root / folder).is_dir():
        raise UserError(f"{root} has no folder {folder}. It holds one mask per picture, named NAME{suffix}.png.")
    classes, colours = labels.read_coloured_codes(labels.codes_file(root))
    left_out, kept = [], []
    for path, mask in zip(paths, _masks_of(paths, pictures(root, folder), folder, suffix), strict=True):
        if mask is None:
            left_out.append(f"{PurePosixPath(path).name} has no mask in {folder}; it was left out.")
        else:
            kept.append((path, mask))
    if not kept:
        raise UserError(f"No picture has a mask: a picture images/a.png needs the mask {folder}/a{suffix}.png.")
    table = pd.DataFrame(kept, columns=["path", "mask"])
    table.insert(0, "item", labels.unique_items(table["path"]))
    table["group"] = [_video(item) for item in table["item"]]
    if table["group"].nunique() in (1, len(table)):
        table = table.drop(columns="group")
    notes = mark_lists(root, table)
    codes = labels.code_table({code: code for code in range(len(classes))})
    return Index(
        name,
        "masks",
        root,
        classes,
        table,
        codes=codes,
        colours=colours,
        void=labels.void_class(classes),
        left_out=tuple(left_out),
        notes=notes,
    )


def _masks_of(paths: list[str], masks: list[str], folder: str, suffix: str) -> list[str | None]:
    """The mask of each picture: in the same folder below, else the only one of its name.

    Raises:
        UserError: a mask could be that of two pictures, or a picture's that of two masks.
    """
    placed = {str(PurePosixPath(mask).with_suffix("")): mask for mask in masks}
    named: dict[str, list[str]] = {}
    for mask in masks:
        named.setdefault(PurePosixPath(mask).stem, []).append(mask)
    owner: dict[str, str] = {}
    found: list[str | None] = []
    for path in paths:
        inside = PurePosixPath(path.removeprefix("images/")).with_suffix("")
        fits = named.get(inside.name + suffix, [])
        mask = placed.get(f"{folder}/{inside}{suffix}") or (fits[0] if fits else None)
        if len(fits) > 1 and f"{folder}/{inside}{suffix}" not in placed:
            raise UserError(f"{path} fits the masks {fits[0]} and {fits[1]}. Put masks into folders as their pictures.")
        if mask is not None and owner.setdefault(mask, path) != path:
            raise UserError(f"The mask {mask} fits {owner[mask]} and {path}. Put masks into folders as their pictures.")
        found.append(mask)
    return found


def mark_lists(root: Path, table: pd.DataFrame) -> tuple[str, ...]:
    """Set ``is_valid`` and ``is_test`` from ``valid.txt`` and ``test.txt``; a sentence for names that match nothing."""
    notes = []
    for column, file in (("is_valid", "valid.txt"), ("is_test", "test.txt")):
        names = {PurePosixPath(name).stem for name in labels.read_names(root / file)}
        if not names:
            continue
        stems = [PurePosixPath(item).stem for item in table["item"]]
        table[column] = np.asarray([stem in names for stem in stems])
        absent = len(names - set(stems))
        if absent:
            notes.append(f"{file} names {absent} pictures that are not there.")
        if column == "is_valid":
            table.attrs["held_out_by"] = "The pictures listed in valid.txt are held out."
    return tuple(notes)


def _video(item: str) -> str:
    return PurePosixPath(item).stem.rpartition("_")[0]
