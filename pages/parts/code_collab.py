"""Collaborative filtering as fastai code and as plain PyTorch: the model, the loader and the schedule of a spec."""

from itertools import pairwise

from labcore.data import registry
from labcore.specs import CollabSpec
from labcore.training.schedules import MOMENTUMS

_DOT = """class DotProduct(Module):
    def __init__(self, users, items, factors, y_range):
        self.users, self.items, self.y_range = Embedding(users, factors), Embedding(items, factors), y_range

    def forward(self, x):
        raw = (self.users(x[:, 0]) * self.items(x[:, 1])).sum(dim=1)
        return raw if self.y_range is None else sigmoid_range(raw, *self.y_range)


"""


def _ratings(spec: CollabSpec) -> str:
    """Lines that read ``ratings``, a table with the columns user, item and rating."""
    known = registry.CARDS.get(spec.dataset.name)
    root = spec.dataset.root or f".lab/data/{spec.dataset.name}"
    if spec.dataset.name == "movielens_100k":
        return (
            f'ratings = pd.read_csv({root + "/u.data"!r}, sep="\\t", names=["user", "item", "rating", "timestamp"])\n'
            'ratings = ratings[["user", "item", "rating"]]\n'
        )
    if spec.dataset.name == "movielens_latest_small":
        return (
            f"ratings = pd.read_csv({root + '/ratings.csv'!r}).iloc[:, :3]\n"
            'ratings.columns = ["user", "item", "rating"]\n'
        )
    if known is not None and known.kind == "embedded":
        return (
            f'ratings = pd.read_parquet({root + "/items.parquet"!r})[["user", "movie", "rating"]]\n'
            'ratings = ratings.rename(columns={"movie": "item"})\n'
        )
    return f'ratings = pd.read_csv({root!r})[["user", "item", "rating"]]  # or read_parquet\n'


def fastai_code(spec: CollabSpec, y_range: tuple[float, float]) -> str:
    """The same training in fastai.

    Args:
        spec: what the page's controls say.
        y_range: lowest and highest rating that the model can say.
    """
    low, high = y_range
    factors, ranged = spec.factors, f"({low:g}, {high:g})"
    if spec.model == "nn":
        learner = f"learn = collab_learner(dls, use_nn=True, layers={list(spec.hidden)}, y_range={ranged})"
    elif spec.model == "dot_bias":
        learner = f"learn = collab_learner(dls, n_factors={factors}, y_range={ranged})"
    else:
        limits = ranged if spec.model == "dot_range" else "None"
        learner = (
            'users, items = len(dls.classes["user"]), len(dls.classes["item"])\n'
            f"learn = Learner(dls, DotProduct(users, items, {factors}, {limits}), loss_func=MSELossFlat())"
        )
    return (
        "from fastai.collab import *\nfrom fastai.tabular.all import *\n\n"
        f"{_ratings(spec)}\n\n"
        f"{_DOT if spec.model in ('dot', 'dot_range') else ''}"
        "# A loader of its own: fastai's default for tables draws rows with replacement.\n"
        "dls = CollabDataLoaders.from_df(\n"
        '    ratings, user_name="user", item_name="item", rating_name="rating",\n'
        f"    bs={spec.batch_size}, valid_pct={spec.dataset.valid_pct:g}, seed={spec.dataset.split_seed}, "
        "dl_type=TabDataLoader,\n)\n"
        f"{learner}\nlearn.fit_one_cycle({spec.epochs}, {spec.lr:g}, wd={spec.weight_decay:g})\n"
    )


def torch_code(spec: CollabSpec, y_range: tuple[float, float]) -> str:
    """The same training in plain PyTorch."""
    low, high = y_range
    bias = spec.model == "dot_bias"
    lines = [
        "class Model(nn.Module):",
        "    def __init__(self, users, items):",
        "        super().__init__()",
        f"        self.user_factors = nn.Embedding(users, {spec.factors})",
        f"        self.item_factors = nn.Embedding(items, {spec.factors})",
    ]
    if bias:
        lines.append("        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)")
    lines += [
        "        for table in self.children():",
        "            nn.init.trunc_normal_(table.weight, std=0.01)",
    ]
    if spec.model == "nn":
        widths = [2 * spec.factors, *spec.hidden]
        layers = "".join(f"nn.Linear({a}, {b}), nn.ReLU(), " for a, b in pairwise(widths))
        lines.append(f"        self.layers = nn.Sequential({layers}nn.Linear({widths[-1]}, 1))")
    lines += ["", "    def forward(self, users, items):"]
    if spec.model == "nn":
        lines.append("        both = torch.cat([self.user_factors(users), self.item_factors(items)], dim=1)")
        lines.append("        raw = self.layers(both)[:, 0]")
    else:
        lines.append("        raw = (self.user_factors(users) * self.item_factors(items)).sum(dim=1)")
    if bias:
        lines.append("        raw = raw + self.user_bias(users)[:, 0] + self.item_bias(items)[:, 0]")
    said = "raw" if spec.model == "dot" else f"torch.sigmoid(raw) * {high - low:g} + {low:g}"
    lines.append(f"        return {said}")
    model = "\n".join(lines)
    start, top, end = MOMENTUMS
    return (
        "import math\n\nimport numpy as np\nimport pandas as pd\nimport torch\nfrom torch import nn\n"
        "from torch.nn import functional as F\n\n"
        f"{_ratings(spec)}"
        'users, items = (pd.factorize(ratings[name])[0] for name in ("user", "item"))\n'
        "users, items = torch.from_numpy(users), torch.from_numpy(items)\n"
        'stars = torch.tensor(ratings["rating"].to_numpy(), dtype=torch.float32)\n'
        f"held_out = np.random.default_rng({spec.dataset.split_seed}).random(len(stars)) < {spec.dataset.valid_pct:g}\n"
        "train = torch.from_numpy(np.flatnonzero(~held_out))\n\n\n"
        f"{model}\n\n\n"
        "def cosine(a, b, t):\n    return a + (b - a) * (1 - math.cos(math.pi * t)) / 2\n\n\n"
        "def cycle(low, top, end, t):\n"
        "    return cosine(low, top, t / 0.25) if t < 0.25 else cosine(top, end, (t - 0.25) / 0.75)\n\n\n"
        "model = Model(int(users.max()) + 1, int(items.max()) + 1)\n"
        f"optimizer = torch.optim.AdamW(model.parameters(), eps=1e-5, weight_decay={spec.weight_decay:g})\n"
        f"batch, epochs, step = {spec.batch_size}, {spec.epochs}, 0\n"
        "steps = epochs * (len(train) // batch)\n"
        "for epoch in range(epochs):\n"
        "    order = train[torch.randperm(len(train))]  # the table lives in memory: a batch is a slice\n"
        "    for i in range(0, len(order) - batch + 1, batch):\n"
        "        rows, t = order[i : i + batch], step / steps\n"
        "        group = optimizer.param_groups[0]\n"
        f"        group['lr'] = cycle({spec.lr:g} / 25, {spec.lr:g}, {spec.lr:g} / 1e5, t)\n"
        f"        group['betas'] = (cycle({start}, {top}, {end}, t), 0.99)\n"
        "        loss = F.mse_loss(model(users[rows], items[rows]), stars[rows])\n"
        "        loss.backward()\n        optimizer.step()\n        optimizer.zero_grad()\n"
        "        step += 1\n"
        "rows = torch.from_numpy(np.flatnonzero(held_out))\n"
        "with torch.no_grad():\n"
        "    print(F.mse_loss(model(users[rows], items[rows]), stars[rows]))\n"
    )
