"""The pictures of a spec in other libraries' code: the lab's own arrays, real files, or a folder per class."""

from labcore.data import registry
from labcore.specs import ImageSpec

MEAN_AND_STD = "[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]"
"""ImageNet's, with which the embedded backbones were trained too."""
VARIED = {
    "none": "",
    "photos": "*aug_transforms(), ",
    "from_above": "*aug_transforms(flip_vert=True, max_warp=0), ",
    "street": "*aug_transforms(max_rotate=2, max_warp=0.1), ",
}


def size_of(spec: ImageSpec) -> tuple[int, int]:
    """(height, width) of a spec's pictures."""
    size = spec.image_size
    return (size, size) if isinstance(size, int) else tuple(size)


def kind_of(spec: ImageSpec) -> str:
    """The kind of the data set: embedded, real or own."""
    name = spec.dataset.name
    return registry.card(name).kind if name in registry.CARDS else "own"


def arrays(spec: ImageSpec) -> str:
    """Lines that read a drawn set as the lab keeps it: ``images`` uint8 [n, H, W, 3], ``table``, ``classes``."""
    return (
        f'path = Path(".lab/data/{spec.dataset.name}")  # drawn at first use, or by: '
        f"python -m labcore data get {spec.dataset.name}\n"
        'images = np.load(path / "images.npy", mmap_mode="r")\n'
        'table = pd.read_parquet(path / "items.parquet")\n'
        'classes = json.loads((path / "meta.json").read_text())["classes"]\n'
    )


def fastai_loaders(spec: ImageSpec, *, several: bool = False) -> str:
    """Source of ``loaders(size)``, which makes fastai's loaders; it stands below its imports and paths.

    Args:
        spec: what the page's controls say.
        several: several labels per picture.
    """
    data = spec.dataset
    block = "MultiCategoryBlock(vocab=classes)" if several else "CategoryBlock"
    root = data.root or f".lab/data/{data.name}"
    if kind_of(spec) == "embedded":
        target = "[classes[code] for code in table.labels[i]]" if several else "classes[table.label[i]]"
        before = (
            f"{arrays(spec)}\n\ndef picture(i):\n    return PILImage.create(images[i])\n\n\n"
            f"def label(i):\n    return {target}\n"
        )
        getters, items = ("get_x=picture", "get_y=label"), "range(len(table))"
    elif several:
        before = (
            f'path = Path({root!r})\ntable = pd.read_csv(path / "labels.csv")  # a file and its labels per line\n'
            "classes = sorted({word for words in table.iloc[:, 1] for word in words.split()})\n\n\n"
            "def picture(row):\n    return path / row.iloc[0]\n\n\n"
            "def label(row):\n    return row.iloc[1].split()\n"
        )
        getters, items = ("get_x=picture", "get_y=label"), "table"
    else:
        pets = data.name == "pets"
        before = f"path = Path({root!r})\n"
        label = 'using_attr(RegexLabeller(r"^(.+)_\\d+\\."), "name")' if pets else "parent_label"
        getters, items = ("get_items=get_image_files", f"get_y={label}"), 'path / "images"' if pets else "path"
    given = "".join(f"        {one},\n" for one in getters)
    return (
        f"{before}\n\ndef loaders(size):\n    return DataBlock(\n        blocks=(ImageBlock, {block}),\n{given}"
        f"        splitter=RandomSplitter({data.valid_pct:g}, seed={data.split_seed}),\n"
        "        item_tfms=Resize(size),\n"
        f"        batch_tfms=[{VARIED[spec.augment]}Normalize.from_stats({MEAN_AND_STD})],\n"
        f"    ).dataloaders({items}, bs={spec.batch_size})\n"
    )


def torch_loader(spec: ImageSpec, *, several: bool = False) -> str:
    """Source of ``classes`` and of ``loader_at(size)``, batches of normalised pictures and their targets.

    Args:
        spec: what the page's controls say.
        several: several labels per picture.
    """
    data = spec.dataset
    root = data.root or f".lab/data/{data.name}"
    end = f"{spec.batch_size}, shuffle=True, drop_last=True"
    if kind_of(spec) == "embedded":
        target = (
            "targets = torch.zeros(len(table), len(classes))  # floats: BCE wants them\n"
            "for row, codes in enumerate(table.labels):\n    targets[row, codes.tolist()] = 1\n"
            if several
            else "targets = torch.tensor(table.label.to_numpy())\n"
        )
        return (
            f"{arrays(spec)}pixels = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)\n{target}"
            f"mean, std = torch.tensor([{MEAN_AND_STD}]).view(2, 1, 3, 1, 1)\n"
            f"train = np.random.default_rng({data.split_seed}).random(len(targets)) >= {data.valid_pct:g}\n\n\n"
            "def normalised(pairs):\n    x, y = map(torch.stack, zip(*pairs))\n"
            "    return (x / 255 - mean) / std, y\n\n\n"
            "def loader_at(size):\n"
            '    sized = F.interpolate(pixels[train], size, mode="bilinear", antialias=True)\n'
            "    data = torch.utils.data.TensorDataset(sized, targets[train])\n"
            f"    return torch.utils.data.DataLoader(data, {end}, collate_fn=normalised)\n"
        )
    if several:
        read = (
            'table = pd.read_csv(path / "labels.csv")  # a file and its labels per line\n'
            "classes = sorted({word for words in table.iloc[:, 1] for word in words.split()})\n"
            "rows = [(path / file, torch.tensor([float(name in words.split()) for name in classes]))\n"
            "        for file, words in table.itertuples(index=False)]\n"
        )
    elif data.name == "pets":
        read = (
            'files = sorted((path / "images").glob("*.jpg"))\n'
            'classes = sorted({file.stem.rpartition("_")[0] for file in files})\n'
            'rows = [(file, classes.index(file.stem.rpartition("_")[0])) for file in files]\n'
        )
    else:
        read = (
            "classes = sorted(folder.name for folder in path.iterdir() if folder.is_dir())\n"
            "rows = [(file, k) for k, name in enumerate(classes) for file in sorted((path / name).iterdir())]\n"
        )
    return (
        "from PIL import Image\nfrom torchvision import transforms\n\n"
        f"path = Path({root!r})\n{read}"
        f"np.random.default_rng({data.split_seed}).shuffle(rows)\n"
        f"train = rows[int({data.valid_pct:g} * len(rows)):]\n\n\n"
        "class Pictures(torch.utils.data.Dataset):\n"
        "    def __init__(self, size):\n"
        "        self.fit = transforms.Compose([transforms.Resize(min(size)), transforms.CenterCrop(size),\n"
        f"            transforms.ToTensor(), transforms.Normalize({MEAN_AND_STD})])\n\n"
        "    def __len__(self):\n        return len(train)\n\n"
        "    def __getitem__(self, i):\n        file, target = train[i]\n"
        '        return self.fit(Image.open(file).convert("RGB")), target\n\n\n'
        f"def loader_at(size):\n    return torch.utils.data.DataLoader(Pictures(size), {end})\n"
    )
