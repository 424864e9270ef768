import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcore.data import splits
from labcore.errors import UserError


def whole(split, n):
    return sorted([*split.train, *split.valid]) == list(range(n)) and len(split.train) and len(split.valid)


def test_order_is_the_same_on_every_machine():
    # Pinned: recorded results name this split.
    assert splits.order(10, 42).tolist() == [7, 1, 6, 4, 3, 5, 9, 0, 2, 8]
    assert sorted(splits.order(1000, 7)) == list(range(1000))


@given(st.integers(2, 300), st.floats(0.01, 0.99), st.integers(0, 2**31 - 1))
def test_random_is_whole_and_repeatable(n, pct, seed):
    one, two = splits.random(n, pct, seed), splits.random(n, pct, seed)
    assert whole(one, n) and np.array_equal(one.valid, two.valid)
    assert abs(len(one.valid) - n * pct) <= 1


@given(st.lists(st.integers(0, 5), min_size=2, max_size=200), st.floats(0.05, 0.6), st.integers(0, 99))
def test_stratified_examines_every_class_that_has_two(labels, pct, seed):
    labels = np.asarray(labels)
    codes, counts = np.unique(labels, return_counts=True)
    if counts.max() < 2:
        with pytest.raises(UserError, match="single item"):
            splits.stratified(labels, pct, seed)
        return
    made = splits.stratified(labels, pct, seed)
    assert sorted([*made.train, *made.valid]) == list(range(len(labels)))
    for code, count in zip(codes, counts, strict=True):
        held = (labels[made.valid] == code).sum()
        assert held <= count - 1
        assert (held >= 1) == (count >= 2)
        assert abs(held - count * pct) <= 1
    assert bool(made.warnings) == bool((counts == 1).any())


def test_ten_of_each_gives_eight_and_two():
    labels = np.repeat(np.arange(37), 10)
    made = splits.stratified(labels, 0.2, 42)
    assert np.bincount(labels[made.valid]).tolist() == [2] * 37


@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=100), st.integers(0, 50))
def test_no_group_is_torn(groups, seed):
    if len(set(groups)) < 2:
        with pytest.raises(UserError, match="one group"):
            splits.group(groups, 0.2, seed)
        return
    made = splits.group(groups, 0.2, seed)
    assert whole(made, len(groups))
    assert not {groups[row] for row in made.train} & {groups[row] for row in made.valid}
    assert splits.leak(made, groups) == 0


def test_a_random_split_of_frames_leaks():
    groups = np.repeat(["ann", "bob", "cy"], 50)
    assert splits.leak(splits.random(150, 0.2, 0), groups) == 1


@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=100), st.floats(0.05, 0.6))
def test_the_end_of_every_video_is_held_out(groups, pct):
    names = np.asarray(groups)
    counts = {name: int((names == name).sum()) for name in set(groups)}
    if max(counts.values()) < 2:
        with pytest.raises(UserError, match="single item"):
            splits.frames(groups, pct)
        return
    made = splits.frames(groups, pct)
    assert sorted([*made.train, *made.valid]) == list(range(len(groups)))
    for name, count in counts.items():
        rows = np.flatnonzero(names == name)
        held = np.isin(rows, made.valid)
        assert held.sum() == (min(max(1, int(count * pct + 0.5)), count - 1))
        assert not held[: count - held.sum()].any()


def test_named_groups_are_held_out():
    made = splits.group(["a", "b", "c", "b"], hold_out=["b"])
    assert made.valid.tolist() == [1, 3]
    with pytest.raises(UserError, match=r"no group 'z'.*a, b, c"):
        splits.group(["a", "b", "c"], hold_out=["z"])
    with pytest.raises(UserError, match="nothing is left"):
        splits.group(["a", "b"], hold_out=["a", "b"])


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_items(n):
    for make in (lambda: splits.random(n), lambda: splits.stratified([0] * n), lambda: splits.group(["a"] * n)):
        with pytest.raises(UserError, match="at least two"):
            make()


def test_marks_lists_and_folders():
    assert splits.column([False, True, False]).valid.tolist() == [1]
    assert splits.by_list(["a.png", "b.png"], ["b.png"]).valid.tolist() == [1]
    assert splits.by_folder(["train/x/1.png", "Valid/x/2.png"]).valid.tolist() == [1]
    for flags in ([], [True, True], [False, False]):
        with pytest.raises(UserError, match="no split"):
            splits.column(flags)


def test_a_label_that_train_never_shows_is_named():
    made = splits.column([False, False, True, True])
    assert "fox" in splits.never_taught(made, [0, 0, 0, 1], ["cat", "fox"])[0]
    assert splits.never_taught(made, [(0,), (1,), (0, 1), ()], ["cat", "fox"]) == ()
    many = splits.never_taught(made, [0, 0, tuple(range(9)), 0], [f"k{number}" for number in range(9)])
    assert len(many) == 6 and many[-1].startswith("3 more")
