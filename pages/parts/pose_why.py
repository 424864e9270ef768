"""Why the loss must change, with the numbers of one picture, and what y_range does while it is dragged."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from labcore.evaluation import head_pose as judge
from labcore.evaluation import pose_views
from labcore.figures import head_pose_lessons as figures
from labcore.specs import HeadPoseSpec
from pages.parts import pose_draw, words
from pages.parts.chart import chart
from pages.parts.pose_pictures import pointed
from pages.parts.pose_result import VALID, Result, unit_points
from pages.parts.theme import palette

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "components" / "pose_range"
SENT = 250
"""Pictures in the plane: more are a smear."""
SURE = 0.9
"""How sure the classifier in the comparison is of the column it says."""
COLUMNS = (8, 16, 40, 100)
OFFERED = 24
"""Pictures to choose from, from the nearest miss to the farthest."""
_component = st.components.v2.component(
    "unfreeze_pose_range",
    html=(FOLDER / "pose_range.html").read_text(encoding="utf-8"),
    css=(FOLDER / "pose_range.css").read_text(encoding="utf-8"),
    js=(FOLDER / "pose_range.js").read_text(encoding="utf-8"),
)


def why_tab(spec: HeadPoseSpec, result: Result) -> None:
    """The loss taken apart, cross-entropy beside it, then the range."""
    units = unit_points(result.main, result.plan)
    if units is None:
        st.info("This view reads points in pictures. Train with the target “points”.", icon=":material/my_location:")
        return
    view = st.segmented_control(
        "Lesson", ("One picture's loss", "y_range"), default="One picture's loss", required=True, key="why view",
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    if view == "y_range":
        y_range_view(spec, result, *units)
    else:
        _one_picture(result, *units)


def _one_picture(result: Result, truth: np.ndarray, said: np.ndarray) -> None:
    part = result.main
    order = np.argsort(part.per_picture, kind="stable")
    places = order[np.unique(np.linspace(0, len(order) - 1, min(OFFERED, len(order))).round().astype(int))]
    names = {str(part.items[place]): int(place) for place in places}
    typical = str(part.items[order[len(order) // 2]])
    left, right = st.columns([2, 3], gap="medium")
    with left:
        keys = list(names)
        name = st.selectbox(
            "Picture", keys, index=keys.index(typical) if typical in names else len(keys) // 2, key="why picture",
            help="From the nearest miss to the farthest; the one in the middle is typical.",
        )  # fmt: skip
        place = names[name]
        pose_draw.shelf([pointed(result, VALID, place)], most=1, least=240)
    with right:
        _mean_squared(truth[place], said[place], result.names)
    _contrast(truth[place], said[place])


def _mean_squared(truth: np.ndarray, said: np.ndarray, names: tuple[str, ...]) -> None:
    table = judge.taken_apart(truth, said, names)
    shown = table.head(4)
    terms = r"\\ &+ ".join(
        f"({one.prediction:.3f} - {one.target:.3f})^2".replace("- -", "+ ") for one in shown.itertuples()
    )
    more = r" + \dots" if len(table) > len(shown) else ""
    st.markdown("The net says numbers, so the loss asks **how far** they are, coordinate by coordinate:")
    st.latex(
        rf"\begin{{aligned}}\mathrm{{MSE}} = \tfrac{{1}}{{{len(table)}}}\big(&{terms}{more}\big) \\ "
        rf"= {table['squared'].mean():.5f}&\end{{aligned}}"
    )
    first = table.iloc[int(table["squared"].argmax())]
    st.markdown(
        f"Its slope is the way back: for {first['axis']} it is 2/{len(table)} · ({first['difference']:+.3f}) = "
        f"**{2 * first['difference'] / len(table):+.4f}**; twice as far off would pull twice as hard. L1 pulls "
        "with the same force from everywhere, Huber like MSE when near and like L1 when far."
    )
    shown = table.rename(columns={"squared": "squared difference"})
    st.dataframe(
        shown, hide_index=True, height=min(38 * (len(shown) + 1), 300),
        column_config=dict.fromkeys(shown.columns[2:], st.column_config.NumberColumn(format="%.4f")),
    )  # fmt: skip


def _contrast(truth: np.ndarray, said: np.ndarray) -> None:
    st.subheader("And cross-entropy?")
    classes = st.segmented_control(
        "Cut the picture into columns", COLUMNS, default=40, required=True, key="why columns",
        help="Cross-entropy needs classes, so the x axis becomes this many of them.",
    )  # fmt: skip
    found = judge.contrast(truth, said, classes, SURE)
    places, squared, entropy = pose_views.cost_curves(found.truth, classes, SURE)
    chart(
        figures.contrast_figure(places, squared, entropy, found.truth, found.guesses[0], palette=palette()),
        key="contrast", about="What squared error and cross-entropy charge for a miss",
    )  # fmt: skip
    near, far = found.guesses
    table = pd.DataFrame(
        {
            "pointing at x": [
                f"{place:.2f}, column "
                f"{column}" for place, column in zip((near, far), found.guessed_classes, strict=True)
            ],
            "column of the target": [str(found.true_class)] * 2,
            "squared error": [words.number(value) for value in found.squared],
            "cross-entropy": [words.number(value) for value in found.cross_entropy],
        },
        index=["a near miss", "the far side"],
    )  # fmt: skip
    st.table(table)
    ratio = found.squared[1] / max(found.squared[0], 1e-12)
    shares = ", ".join(f"{share:.2f}" for share in found.shares[:4])
    st.markdown(
        f"A net that is {SURE:.0%} sure of the wrong column pays **{found.cross_entropy[0]:.2f} for the neighbour and "
        f"{found.cross_entropy[1]:.2f} for the far side**: to cross-entropy wrong is wrong. To squared error "
        "the far side "
        f"is **{ratio:,.0f} times** worse. And cross-entropy would put this net's outputs through softmax first: "
        f"{shares}{', …' if len(found.shares) > 4 else ''}, positive and with the sum 1, which no coordinates are. "
        "So `learn.loss_func = MSELossFlat()`, which is all that changes besides the head."
    )


def y_range_view(spec: HeadPoseSpec, result: Result, truth: np.ndarray, said: np.ndarray) -> None:
    """Drag the range; predictions are clipped in the browser."""
    st.markdown(
        "The last layer may say any number. `y_range=(lo, hi)` puts it through **lo + (hi − lo) · sigmoid**, "
        "so that no "
        "prediction leaves the range. Drag its ends: a range that is too tight cuts targets off, one that is "
        "too wide wastes "
        "the sigmoid's steep middle."
    )
    points = len(result.names)
    truth, said = truth.reshape(-1, 2), said.reshape(-1, 2)
    rows = np.linspace(0, len(truth) - 1, min(SENT, len(truth))).astype(int)
    size = result.plan.get("original_size") or (result.main.sizes[0][::-1] if result.main.sizes is not None else (1, 1))
    _component(
        key="pose range",
        data={
            "truth": np.round(truth[rows], 4).tolist(),
            "said": np.round(said[rows], 4).tolist(),
            "range": None if result.spec.y_range is None else list(result.spec.y_range),
            "size": [int(value) for value in size],
        },
        height="content",
    )
    low, high = result.spec.y_range or (-1.0, 1.0)
    lost = int(judge.out_of_reach(truth, (low, high)).sum())
    state = (
        "no y_range: its outputs are the coordinates" if result.spec.y_range is None else f"y_range ({low:g}, {high:g})"
    )
    st.caption(
        f"This run has {state}. {'At −1 to 1' if result.spec.y_range is None else 'In it'} {lost} of "
        f"{len(truth):,} targets "
        f"could not be said. {len(rows)} {'points' if points > 1 else 'pictures'} are drawn. Cutting is the "
        "best that a net "
        "with the new range could do without other changes; squeezing takes the same last layer."
    )
