"""Cards of all data sets (task, size, licence, source), and what is at hand here. Cheap to import: no torch."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from labcore.data.files import DATA_SUFFIXES, existing_folder, files, walk
from labcore.errors import UserError
from labcore.settings import settings
from labcore.specs import DatasetSpec

if TYPE_CHECKING:
    from labcore.data.items import Task

MB = 1_000_000


@dataclass(frozen=True)
class Source:
    """One archive to download.

    Attributes:
        url: where it lies.
        size: its exact bytes; 0 where unknown.
        checksum: ``md5:...`` or ``sha256:...`` of the file, ``md5-first-mib:...`` of its first 2**20 bytes (what
            fastai publishes), or '' where nobody publishes one: then the first download is recorded and later ones
            must agree with it.
        strip: leading folders of the archive's paths to drop.
    """

    url: str
    size: int = 0
    checksum: str = ""
    strip: int = 0


@dataclass(frozen=True)
class Card:
    """What a person wants to know of a data set before using it.

    Attributes:
        name: the fixed name.
        kind: embedded (drawn here), real (downloaded), own (the user's).
        task: what its targets are; some sets can serve a second task (``also``).
        title: for headings.
        classes: how many (points for points); 0 where it depends.
        items: how many.
        bytes: to download or to make on disk.
        licence: as its makers give it.
        citation: for the notes beside every figure.
        page: where its makers describe it.
        teaches: the lesson that it is here for.
        native: (height, width) of its pictures, or None where they vary or there are none.
        also: further tasks.
        sources: archives to download.
        layout: what a folder given as ``dataset.root`` must look like.
    """

    name: str
    kind: Literal["embedded", "real", "own"]
    task: Task
    title: str
    classes: int
    items: int
    bytes: int
    licence: str
    citation: str
    page: str
    teaches: str
    native: tuple[int, int] | None = None
    also: tuple[Task, ...] = ()
    sources: tuple[Source, ...] = ()
    layout: str = ""


def _embedded(name: str, task: Task, title: str, classes: int, items: int, size: int, native, teaches: str) -> Card:
    return Card(
        name,
        "embedded",
        task,
        title,
        classes,
        items,
        size,
        licence="Apache-2.0 (drawn by this project)",
        citation="Unfreeze, embedded (synthetic) data.",
        page="",
        teaches=teaches,
        native=native,
    )


_ALL = (
    _embedded(
        "critters", "single_label", "Critters", 12, 1440, 40 * MB, (96, 96),
        "Look-alike breeds of two species: the learning rate, fine-tuning and confusion.",
    ),
    _embedded(
        "tiles", "multi_label", "Tiles", 17, 1800, 89 * MB, (128, 128),
        "Satellite tiles with several labels each, some rare: thresholds and F2.",
    ),
    _embedded(
        "streets", "masks", "Streets", 12, 640, 32 * MB, (96, 128),
        "Driving scenes with exact masks and a void class: segmentation; video neighbours are alike.",
    ),
    _embedded(
        "heads", "points", "Heads", 1, 1600, 92 * MB, (120, 160),
        "Video frames of rendered people: regression to a point, and why a random split of frames leaks.",
    ),
    _embedded(
        "ratings", "ratings", "Ratings", 400, 36_378, 1 * MB, None,
        "Users and invented films from a known latent model: learned factors can be held against the truth.",
    ),
    Card(
        "pets", "real", "single_label", "Oxford-IIIT Pet", 37, 7390, 811_000_000,
        licence="CC BY-SA 4.0 (pictures: of their photographers, Flickr)",
        citation="O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar: Cats and Dogs. CVPR 2012.",
        page="https://www.robots.ox.ac.uk/~vgg/data/pets/",
        teaches="Fine-grained breeds: the course's main case for discriminative learning rates.",
        also=("masks",),
        sources=(
            Source("https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
                   checksum="md5:5c4f3ee8e5d25df40f4fd59a7f44e54c"),
            Source("https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
                   checksum="md5:95a8c909bbe2e81eed6a22bccdf3f68f"),
        ),
        layout="images/Abyssinian_12.jpg, and for masks annotations/trimaps/Abyssinian_12.png",
    ),
    Card(
        "voc2007", "real", "multi_label", "PASCAL VOC 2007", 20, 9963, 911_000_000,
        licence="Pictures under Flickr's terms of use; for research",
        citation="M. Everingham et al.: The PASCAL Visual Object Classes Challenge 2007 Results.",
        page="http://host.robots.ox.ac.uk/pascal/VOC/voc2007/",
        teaches="Several objects per picture: accuracy_multi and its all-negative baseline of 0.927.",
        also=("masks",),
        sources=(
            Source("https://thor.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtrainval_06-Nov-2007.tar",
                   checksum="md5:c52e279531787c972589f7e41ab4ae64"),
            Source("https://thor.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtest_06-Nov-2007.tar",
                   checksum="md5:b6e924de25625d8de591ea690078ad9f"),
        ),
        layout="VOCdevkit/VOC2007/{JPEGImages,Annotations,ImageSets/Main}, or fastai's train/, test/ and train.csv",
    ),
    Card(
        "planet", "real", "multi_label", "Planet: Amazon from space (sample)", 14, 1000, 15_523_994,
        licence="CC BY-NC-SA 4.0 (Planet)",
        citation="Planet: Understanding the Amazon from Space. Kaggle 2017.",
        page="https://www.kaggle.com/c/planet-understanding-the-amazon-from-space",
        teaches="Satellite tiles with co-occurring tags: thresholds, F2 and progressive resizing.",
        native=(256, 256),
        sources=(
            Source("https://s3.amazonaws.com/fast-ai-sample/planet_sample.tgz", 15_523_994,
                   "md5-first-mib:8bfb174b3162f07fbde09b54555bdb00", strip=1),
        ),
        layout="train/train_21983.jpg and labels.csv (or train_v2.csv) with image_name,tags",
    ),
    Card(
        "camvid", "real", "masks", "CamVid", 32, 701, 598_913_237,
        licence="For research; see the page of its makers",
        citation="G. J. Brostow, J. Fauqueur, R. Cipolla: Semantic object classes in video. PRL 30(2), 2009.",
        page="http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
        teaches="Every pixel has a class, and one of them, void, must not count.",
        native=(720, 960),
        sources=(
            Source("https://s3.amazonaws.com/fast-ai-imagelocal/camvid.tgz", 598_913_237,
                   "md5-first-mib:648371e4f3a833682afb39b08a3ce2aa", strip=1),
        ),
        layout="images/NAME.png, labels/NAME_P.png, codes.txt, valid.txt (and test.txt)",
    ),
    Card(
        "biwi", "real", "points", "BIWI Kinect head pose", 1, 15_678, 452_316_199,
        licence="For research and education only; not for commercial use",
        citation="G. Fanelli et al.: Random Forests for Real Time 3D Face Analysis. IJCV 101(3), 2013.",
        page="https://icu.ee.ethz.ch/research/datsets.html",
        teaches="Regression to a point; one person is held out, since frames of one video are alike. The small "
        "biwi_sample keeps its points in a pickle, which this lab never reads: use dataset.limit for a sample.",
        native=(480, 640),
        sources=(
            Source("https://s3.amazonaws.com/fast-ai-imagelocal/biwi_head_pose.tgz", 452_316_199,
                   "md5-first-mib:00f4ccf66e8cba184bc292fdc08fb237", strip=1),
        ),
        layout="01/frame_00003_rgb.jpg, 01/frame_00003_pose.txt and 01/rgb.cal, or images/ and points.csv",
    ),
    Card(
        "movielens_100k", "real", "ratings", "MovieLens 100k", 1682, 100_000, 4_924_029,
        licence="For research, not for commercial use; no redistribution (GroupLens)",
        citation="F. M. Harper, J. A. Konstan: The MovieLens Datasets. ACM TiiS 5(4), 2015.",
        page="https://grouplens.org/datasets/movielens/100k/",
        teaches="Collaborative filtering: factors, biases and weight decay on the course's own numbers.",
        sources=(
            Source("https://files.grouplens.org/datasets/movielens/ml-100k.zip", 4_924_029,
                   "md5:0e33842e24a9c977be4e0107933c0723", strip=1),
        ),
        layout="u.data (tab-separated) and u.item (latin-1)",
    ),
    Card(
        "movielens_latest_small", "real", "ratings", "MovieLens latest, small", 9742, 100_836, 978_202,
        licence="For research, not for commercial use; redistribution under the same terms (GroupLens)",
        citation="F. M. Harper, J. A. Konstan: The MovieLens Datasets. ACM TiiS 5(4), 2015.",
        page="https://grouplens.org/datasets/movielens/latest/",
        teaches="Collaborative filtering on newer films and half-star ratings.",
        sources=(
            Source("https://files.grouplens.org/datasets/movielens/ml-latest-small.zip", 978_202,
                   "sha256:696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436", strip=1),
        ),
        layout="ratings.csv and movies.csv",
    ),
    Card(
        "own", "own", "single_label", "Your own data", 0, 0, 0,
        licence="yours", citation="", page="",
        teaches="Any lesson on your own files.",
        also=("multi_label", "masks", "points", "ratings"),
        layout="a folder per class, a CSV with names and labels, images/ with labels/ and codes.txt, "
        "or a CSV with x and y columns",
    ),
)  # fmt: skip

CARDS: dict[str, Card] = {card.name: card for card in _ALL}
"""Every data set by its fixed name."""


def card(name: str) -> Card:
    """The card of a data set.

    Raises:
        UserError: there is none of that name; the nearest are named.
    """
    if name in CARDS:
        return CARDS[name]
    near = difflib.get_close_matches(name.lower(), CARDS, n=2, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Choose among: {', '.join(CARDS)}."
    raise UserError(f"There is no data set {name[:64]!r}. {hint}")


def place(dataset: DatasetSpec, home: Path | None = None) -> Path:
    """The folder that a data set is read from: ``dataset.root``, or the lab's own copy (which need not exist yet).

    Raises:
        UserError: an unknown name, no folder given for own data, or a server's folder asked for in public mode.
    """
    known = card(dataset.name)
    home = home or settings().home
    if not dataset.root:
        if known.kind == "own":
            raise UserError("Own data needs its folder: name one (dataset.root), or upload a zip or a CSV on the page.")
        return home / "data" / dataset.name
    if known.kind == "embedded":
        raise UserError(f"{dataset.name} is drawn by the lab and takes no folder. Leave dataset.root empty.")
    root = Path(dataset.root).expanduser()
    if settings().mode == "public" and not root.resolve().is_relative_to((home / "uploads").resolve()):
        raise UserError("On a public lab, folders of the server cannot be read. Upload a zip instead.")
    return root


def fingerprint(dataset: DatasetSpec, home: Path | None = None) -> str:
    """What a data set's content is known by; it changes when a file does. Reads names, sizes and times, no content.

    Raises:
        UserError: the folder is missing or holds nothing that belongs to a data set.
    """
    known = card(dataset.name)
    if known.kind == "embedded":
        if dataset.root:
            place(dataset, home)
        return f"{dataset.name}-v{_embedded_version(dataset.name)}"
    root = place(dataset, home)
    if not dataset.root and not root.is_dir():
        raise UserError(missing(known))
    return folder_fingerprint(root)


def folder_fingerprint(root: Path) -> str:
    """Hash over (relative path, size, time of change) of every picture and table below ``root``.

    Raises:
        UserError: the folder is missing or holds neither pictures nor tables.
    """
    root = existing_folder(root)
    digest = hashlib.sha256()
    count = 0
    for file in files(root, DATA_SUFFIXES):
        line = f"{file.path}\0{file.size}\0{file.mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
        count += 1
    if not count:
        raise UserError(f"{root} holds neither pictures nor tables. Point dataset.root to the data set's own folder.")
    return digest.hexdigest()[:32]


def missing(known: Card) -> str:
    """The sentence for a real set that is not on this machine."""
    return (
        f"{known.title} is not on this machine. Get it with: python -m labcore data get {known.name} "
        f"({known.bytes / MB:.0f} MB), or set dataset.root to a folder that holds it."
    )


def at_hand(home: Path | None = None) -> list[tuple[Card, Path, int]]:
    """The sets that are on disk already, as (card, folder, bytes)."""
    data = (home or settings().home) / "data"
    found = []
    for known in CARDS.values():
        folder = data / known.name
        if known.kind != "own" and folder.is_dir():
            size = sum(file.size for file in walk(folder, DATA_SUFFIXES | {".npy", ".npz", ".parquet"}))
            if size:
                found.append((known, folder, size))
    return found


def _embedded_version(name: str) -> str:
    # Read from the source text: importing the module would pull the whole renderer into the web process.
    source = (Path(__file__).parent / "embedded" / f"{name}.py").read_text("utf-8")
    found = re.search(r"^VERSION(?::\s*\w+)?\s*=\s*[\"']?([\w.]+)", source, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"labcore.data.embedded.{name} names no VERSION")
    return found.group(1)
