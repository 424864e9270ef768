"""A run that travels, and zips that are none."""

import io
import zipfile

import numpy as np
import orjson
import pytest

from labcore.errors import UserError
from labcore.runs.artifacts import Artifacts, digest
from labcore.runs.bundles import export_run, import_run
from labcore.runs.store import open_store
from labcore.specs import LRFinderSpec


@pytest.fixture
def bundle(home) -> tuple[str, bytes]:
    store = open_store()
    spec = LRFinderSpec().model_dump(mode="json")
    run, _ = store.add(key="0" * 32, experiment="lr_finder", spec=spec)
    store.write_points(run, {"loss": ([0, 1], [1.0, float("nan")])})
    data = b"\x01\x02"
    store.put_artifact(run, "a.bin", len(data), Artifacts().write(run, "a.bin", data))
    store.update(run, status="done", metrics={"lr_valley": 1e-3})
    return run, export_run(run)


def rewritten(data: bytes, change) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    change(contents)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_deleted_run_comes_back_whole(bundle):
    run, data = bundle
    store = open_store()
    before, curve = store.get(run), store.series(run)["loss"]
    store.delete(run)
    Artifacts().remove(run)
    assert import_run(data) == run
    after = store.get(run)
    assert (after.metrics, after.spec, after.created, after.status) == (
        before.metrics,
        before.spec,
        before.created,
        before.status,
    )
    assert after.origin == "imported"
    back = store.series(run)["loss"]
    np.testing.assert_array_equal(back.values, curve.values)
    np.testing.assert_array_equal(back.at, curve.at)
    assert Artifacts().read(run, "a.bin") == b"\x01\x02"


def test_importing_twice_changes_nothing(bundle):
    run, data = bundle
    assert import_run(data) == run
    assert len(open_store().find()) == 1


@pytest.mark.parametrize("name", ["../evil", "artifacts/../../evil", "/etc/evil", "artifacts/a/b", "artifacts/.x"])
def test_no_path_escapes(bundle, name):
    _, data = bundle
    with pytest.raises(UserError, match="no exported run has"):
        import_run(rewritten(data, lambda contents: contents.update({name: b"x"})))


def test_changed_files_are_found(bundle):
    _, data = bundle
    with pytest.raises(UserError, match=r"a\.bin"):
        import_run(rewritten(data, lambda contents: contents.update({"artifacts/a.bin": b"other"})))
    with pytest.raises(UserError, match=r"points\.jsonl"):
        import_run(rewritten(data, lambda contents: contents.update({"points.jsonl": b""})))
    with pytest.raises(UserError, match="lacks"):
        import_run(rewritten(data, lambda contents: contents.pop("artifacts/a.bin")))


def test_points_that_are_none_are_found(bundle):
    run, data = bundle
    open_store().delete(run)

    def change(contents):
        contents["points.jsonl"] = b'{"at": 1, "series": {"loss": [[0, 1], [1.0]]}}'
        manifest = orjson.loads(contents["manifest.json"])
        manifest["points_sha256"] = digest(contents["points.jsonl"])
        contents["manifest.json"] = orjson.dumps(manifest)

    with pytest.raises(UserError, match="points"):
        import_run(rewritten(data, change))
    assert open_store().find() == []


def test_a_bomb_is_not_unpacked(home):
    open_store()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("artifacts/a.bin", b"\0" * 50_000_000)
    with pytest.raises(UserError, match="too much"):
        import_run(buffer.getvalue())


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_bundle_is_said_to_be_none(home, data):
    open_store()
    with pytest.raises(UserError):
        import_run(data)


def test_a_truncated_bundle_is_damaged(bundle):
    _, data = bundle
    with pytest.raises(UserError):
        import_run(data[: len(data) // 2])
