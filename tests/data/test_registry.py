import importlib
import subprocess
import sys

import pytest
from data_samples import picture

from labcore.data import registry
from labcore.errors import UserError
from labcore.specs import DatasetSpec


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(UserError, match="Did you mean critters"):
        registry.card("criters")
    with pytest.raises(UserError, match="Choose among: critters"):
        registry.card("zzzz")


def test_every_name_that_the_design_fixes_has_a_card():
    embedded = {"critters", "tiles", "streets", "heads", "ratings"}
    real = {"pets", "voc2007", "planet", "camvid", "biwi", "movielens_100k", "movielens_latest_small"}
    assert set(registry.CARDS) == embedded | real | {"own"}
    for name in real:
        card = registry.card(name)
        assert card.licence and card.citation and card.page and card.layout and card.bytes
        for source in card.sources:
            assert source.url.startswith("https://") and source.checksum.partition(":")[2]
            assert "first-mib" not in source.checksum or source.size


@pytest.mark.parametrize("name", ["critters", "tiles", "streets", "heads", "ratings"])
def test_cards_tell_what_the_embedded_modules_draw(name):
    module = importlib.import_module(f"labcore.data.embedded.{name}")
    card = registry.card(name)
    assert (card.task, card.native, card.classes) == (module.TASK, module.SIZE, len(module.CLASSES))
    assert card.items == len(module.plan())
    assert registry.fingerprint(DatasetSpec(name=name)) == f"{name}-v{module.VERSION}"


def test_the_registry_costs_no_torch_and_no_renderer():
    code = (
        "import sys; from labcore.data import registry; from labcore.specs import DatasetSpec;"
        "registry.fingerprint(DatasetSpec()); "
        "print([m for m in sys.modules if m in ('torch', 'labcore.data.embedded.critters', 'PIL.Image')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_fingerprint_follows_the_files(tmp_path):
    root = tmp_path / "set"
    picture(root / "a_1.png")
    spec = DatasetSpec(name="pets", root=str(root))
    first = registry.fingerprint(spec)
    assert registry.fingerprint(spec) == first
    (root / "notes.md").write_text("not data")
    (root / ".hidden.png").write_bytes(b"x")
    assert registry.fingerprint(spec) == first
    picture(root / "sub" / "b_2.png")
    second = registry.fingerprint(spec)
    assert second != first
    (root / "sub" / "b_2.png").rename(root / "sub" / "c_2.png")
    third = registry.fingerprint(spec)
    assert third not in (first, second)
    picture(root / "sub" / "c_2.png", (0, 0, 0), (41, 30))
    assert registry.fingerprint(spec) != third
    (root / "loop").symlink_to(root)
    assert len(registry.fingerprint(spec)) == 32


def test_missing_empty_and_wrong_folders_are_said(tmp_path, home):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x")
    for root, words in (("nowhere", "no folder"), ("empty", "neither pictures nor tables"), ("file.txt", "is a file")):
        with pytest.raises(UserError, match=words):
            registry.fingerprint(DatasetSpec(name="pets", root=str(tmp_path / root)))
    with pytest.raises(UserError, match="labcore data get voc2007"):
        registry.fingerprint(DatasetSpec(name="voc2007"))
    with pytest.raises(UserError, match=r"dataset\.root"):
        registry.fingerprint(DatasetSpec(name="own"))
    with pytest.raises(UserError, match="takes no folder"):
        registry.fingerprint(DatasetSpec(name="critters", root=str(tmp_path)))
    with pytest.raises(UserError, match=r"no folder|cannot be used"):
        registry.fingerprint(DatasetSpec(name="pets", root="a\0b"))


def test_a_public_lab_reads_uploads_only(tmp_path, home, monkeypatch):
    monkeypatch.setenv("LAB_MODE", "public")
    picture(home / "uploads" / "x" / "a_1.png")
    assert registry.fingerprint(DatasetSpec(name="own", root=str(home / "uploads" / "x")))
    for root in (tmp_path, home / "uploads" / ".." / "runs"):
        with pytest.raises(UserError, match="public lab"):
            registry.fingerprint(DatasetSpec(name="own", root=str(root)))


def test_what_is_at_hand(home):
    assert registry.at_hand() == []
    picture(home / "data" / "pets" / "images" / "Abyssinian_1.jpg")
    ((card, where, size),) = registry.at_hand()
    assert (card.name, where) == ("pets", home / "data" / "pets") and size > 100
