"""The block on the screen as fastai code and as this lab's code."""

import streamlit as st

from labcore.data import registry
from labcore.data.block import DEFAULT_METHOD
from labcore.data.leaf import BlockSpec, Leaf
from labcore.data.steps import DataBlock
from labcore.specs import changed
from pages.parts.data_words import about_code

TRANSFORMS = {
    "none": "",
    "photos": "aug_transforms()",
    "from_above": "aug_transforms(flip_vert=True, max_lighting=0.1, max_zoom=1.05, max_warp=0)",
    "street": "aug_transforms(max_rotate=3, max_zoom=1.1, max_warp=0)",
}
"""The lab's presets as fastai writes them."""
METHODS = {"crop": "'crop'", "squish": "'squish'", "pad": "'pad', pad_mode='zeros'"}
BLOCKS = {
    "single_label": "ImageBlock, CategoryBlock",
    "multi_label": "ImageBlock, MultiCategoryBlock",
    "masks": "ImageBlock, MaskBlock(classes)",
    "points": "ImageBlock, PointBlock",
}


def tab(block: Leaf, spec: BlockSpec) -> None:
    """Both, side by side, and why functions are named."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**fastai**")
        st.code(fastai_code(block, spec), language="python")
    with right:
        st.markdown("**This lab**")
        st.code(lab_code(block, spec), language="python")
        about_code()


def lab_code(block: DataBlock, spec: BlockSpec) -> str:
    """The block in this lab's words."""
    said = ", ".join(
        f"{name.removeprefix('dataset.')}={value!r}"
        for name, value in ({"dataset.name": spec.dataset.name} | changed(spec)).items()
        if name.startswith("dataset.")
    )
    size = spec.image_size if isinstance(spec.image_size, int) else tuple(spec.image_size)
    method = f", method={spec.method!r}" if spec.method != "auto" else ""
    lines = [
        "from labcore.data.steps import DataBlock",
        "from labcore.specs import DatasetSpec",
        "",
        "block = DataBlock(",
        f"    DatasetSpec({said}),",
        f"    size={size}, batch_size={spec.batch_size}, augment={spec.varied_by!r}{method},",
        ")",
        "for step in block.summary(0):",
        "    print(step.question, step.did, step.shape, step.dtype)",
        "print(block.split.how, block.types.loss)",
    ]
    if block.items.task != "ratings":
        lines.append("train, valid = block.loaders()")
    return "\n".join(lines)


def fastai_code(block: DataBlock, spec: BlockSpec) -> str:
    """The same block in fastai's words; real sets from their files, embedded ones from the lab's arrays."""
    card = registry.card(spec.dataset.name)
    if block.items.task == "ratings":
        return _ratings(block, spec, card)
    source, functions, get_items, getters = _inputs(block, spec, card)
    height, width = block.shape
    method = METHODS[block.method or DEFAULT_METHOD[block.items.task]]
    varied = TRANSFORMS[spec.varied_by]
    batch = f"[*{varied}, Normalize.from_stats(*imagenet_stats)]" if varied else "Normalize.from_stats(*imagenet_stats)"
    arguments = [
        f"blocks=({BLOCKS[block.items.task]})",
        *([f"get_items={get_items}"] if get_items else []),
        *getters,
        f"splitter={_splitter(block, spec)}",
        f"item_tfms=Resize(({height}, {width}), {method})",
        f"batch_tfms={batch}",
    ]
    inner = "".join(f"    {argument},\n" for argument in arguments)
    given = "path" if get_items else "rows"
    return (
        f"from fastai.vision.all import *\n\n{source}\n\n\n{functions}"
        f"dblock = DataBlock(\n{inner})\n"
        f"dblock.summary({given})\n"
        f"dls = dblock.dataloaders({given}, bs={spec.batch_size})\n"
        "dls.show_batch()\nx, y = dls.one_batch()\n"
    )


def _inputs(block: DataBlock, spec: BlockSpec, card: registry.Card) -> tuple[str, str, str | None, list[str]]:
    """Where the items are: (preparation, functions, get_items, getters)."""
    task, root = block.items.task, spec.dataset.root or f".lab/data/{card.name}"
    if card.name == "pets" and task == "single_label":
        name = r"""Pipeline([attrgetter("name"), RegexLabeller(r"^(.+)_\d+\.")])"""
        return f"path = Path({root!r}) / 'images'", "", "get_image_files", [f"get_y={name}"]
    if card.name == "camvid":
        source = f"path = Path({root!r})\nclasses = (path / 'codes.txt').read_text().split()"
        functions = "def get_y(file):\n    return path / 'labels' / f'{file.stem}_P{file.suffix}'\n\n\n"
        getter = "def get_x(path):\n    return get_image_files(path / 'images')\n\n\n"
        return source, getter + functions, "get_x", ["get_y=get_y"]
    return _arrays(block, spec)


def _arrays(block: DataBlock, spec: BlockSpec) -> tuple[str, str, None, list[str]]:
    """The lab's own arrays, for sets that fastai cannot read from files."""
    target = {
        "single_label": "items.classes[items.table.label[i]]",
        "multi_label": "[items.classes[code] for code in items.table.labels[i]]",
        "masks": "PILMask.create(items.masks[i])",
        "points": "TensorPoint.create(items.points[i])",
    }[block.items.task]
    root = f", root={spec.dataset.root!r}" if spec.dataset.root else ""
    height, width = block.shape
    source = (
        "from labcore.data import block\nfrom labcore.specs import DatasetSpec\n\n"
        f"items = block.load(DatasetSpec(name={spec.dataset.name!r}{root}), ({height}, {width}))\n"
        "rows = range(len(items))"
    )
    if block.items.task == "masks":
        source += "\nclasses = items.classes"
    functions = (
        f"def get_x(i):\n    return PILImage.create(items.images[i])\n\n\ndef get_y(i):\n    return {target}\n\n\n"
    )
    return source, functions, None, ["get_x=get_x", "get_y=get_y"]


def _splitter(block: DataBlock, spec: BlockSpec) -> str:
    """fastai's splitter; where only the lab knows who is held out, its rows are passed on."""
    real_files = registry.card(spec.dataset.name).kind == "real" and spec.dataset.name in ("pets", "camvid")
    if spec.dataset.name == "camvid" and "valid.txt" in block.split.how:
        return "FileSplitter(path / 'valid.txt')"
    if spec.dataset.split == "random" or real_files:
        return f"RandomSplitter({spec.dataset.valid_pct:g}, seed={spec.dataset.split_seed})"
    rows = block.split.valid
    if len(rows) == rows[-1] - rows[0] + 1:
        return f"IndexSplitter(range({rows[0]}, {rows[-1] + 1}))"
    return "IndexSplitter(block.split(items, DatasetSpec(" + _split_words(spec) + ")).valid)"


def _split_words(spec: BlockSpec) -> str:
    said = {"dataset.name": spec.dataset.name} | changed(spec)
    wanted = ("name", "root", "split", "valid_pct", "split_seed", "hold_out")
    return ", ".join(f"{name}={said[f'dataset.{name}']!r}" for name in wanted if f"dataset.{name}" in said)


def _ratings(block: DataBlock, spec: BlockSpec, card: registry.Card) -> str:
    if card.name == "movielens_latest_small":
        root = spec.dataset.root or f".lab/data/{card.name}"
        source = f"path = Path({root!r})\nratings = pd.read_csv(path / 'ratings.csv')"
        names = "user_name='userId', item_name='movieId', rating_name='rating'"
    else:
        root = f", root={spec.dataset.root!r}" if spec.dataset.root else ""
        source = (
            "from labcore.data import block\nfrom labcore.specs import DatasetSpec\n\n"
            f"ratings = block.load(DatasetSpec(name={card.name!r}{root}), 64).table"
        )
        names = "user_name='user', item_name='movie', rating_name='rating'"
    return (
        f"from fastai.collab import *\nfrom fastai.tabular.all import *\n\n{source}\n"
        f"dls = CollabDataLoaders.from_df(\n    ratings, {names},\n"
        f"    valid_pct={spec.dataset.valid_pct:g}, seed={spec.dataset.split_seed}, bs={spec.batch_size},\n)\n"
        "dls.show_batch()\n"
    )
