"""What viewers read: one tail for all, nothing lost between backlog and deltas, ends that end."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from labcore.runs import stream, tail
from labcore.runs.artifacts import Artifacts
from labcore.runs.store import open_store


def events(data: bytes) -> list[tuple[str, dict, int | None]]:
    parsed = []
    for block in data.split(b"\n\n"):
        fields = dict(
            line.split(b": ", 1) for line in block.splitlines() if b": " in line and not line.startswith(b":")
        )
        if b"event" in fields:
            seq = int(fields[b"id"]) if b"id" in fields else None
            parsed.append((fields[b"event"].decode(), orjson.loads(fields[b"data"]), seq))
    return parsed


def steps(parsed, series="loss") -> list[int]:
    return [step for kind, data, _ in parsed if kind == "points" for step in data["series"].get(series, [[]])[0]]


@pytest.fixture
def running(home):
    store = open_store()
    run, _ = store.add(key="k", experiment="lr_finder", spec={"x": 1})
    store.claim("w")
    return store, run


def in_a_loop(story):
    """Run a coroutine in a thread of its own: browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, story).result()


async def collect(following: tail.Tail, after: int = 0) -> bytes:
    return b"".join([data async for data in following.watch(after)])


def test_all_viewers_get_every_point_once_whenever_they_come(running):
    store, run = running

    async def story() -> list[bytes]:
        following = tail.Tail(run, store)
        viewers = [asyncio.create_task(collect(following))]
        for step in range(30):
            store.write_points(run, {"loss": ([step], [step / 2])})
            await asyncio.sleep(0.02)
            if step % 10 == 5:
                viewers.append(asyncio.create_task(collect(following)))
        store.update(run, status="done", metrics={"lr_valley": 1e-3})
        return await asyncio.gather(*viewers)

    for data in in_a_loop(story()):
        parsed = events(data)
        assert steps(parsed) == list(range(30))
        assert parsed[-1][0] == "end"
        assert [data for kind, data, _ in parsed if kind == "status"][-1]["metrics"] == {"lr_valley": 1e-3}


def test_a_viewer_that_comes_back_gets_only_what_it_missed(running):
    store, run = running
    seqs = [store.write_points(run, {"loss": ([step], [0.5])}) for step in range(6)]
    store.update(run, status="done")
    data = in_a_loop(collect(tail.Tail(run, store), after=seqs[3]))
    assert steps(events(data)) == [4, 5]


def test_a_viewer_that_does_not_read_is_let_go(running, monkeypatch):
    store, run = running
    monkeypatch.setattr(tail, "BACKLOG_FRAMES", 2)

    async def story() -> None:
        following = tail.Tail(run, store)
        slow = following.watch()
        await anext(slow)
        await asyncio.sleep(0)
        task = asyncio.create_task(anext(slow))
        await asyncio.sleep(0.05)
        for step in range(8):
            store.write_points(run, {"loss": ([step], [1.0])})
            await asyncio.sleep(0.15)
        await task
        rest = [data async for data in slow]
        assert len(rest) <= 2
        assert not following.viewers

    in_a_loop(story())


def test_points_that_are_not_finite_are_null(running):
    store, run = running
    store.write_points(run, {"loss": ([0, 1], [float("inf"), 2.0])})
    store.update(run, status="done")
    (_, data, _), *_ = events(in_a_loop(collect(tail.Tail(run, store))))
    assert data["series"]["loss"] == [[0, 1], [None, 2.0]]


def test_routes_answer_and_refuse(running):
    store, run = running
    digest = Artifacts().write(run, "a.json", b'{"x":1}')
    store.put_artifact(run, "a.json", 7, digest)
    store.write_points(run, {"loss": ([0], [1.0])})
    store.update(run, status="done")
    client = TestClient(Starlette(routes=stream.routes()))
    streamed = client.get(f"/api/runs/{run}/stream")
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert steps(events(streamed.content)) == [0]
    assert client.get(f"/api/runs/{run}").json()["status"] == "done"
    found = client.get(f"/api/runs/{run}/artifacts/a.json")
    assert found.json() == {"x": 1}
    assert (
        client.get(f"/api/runs/{run}/artifacts/a.json", headers={"If-None-Match": found.headers["etag"]}).status_code
        == 304
    )
    for path in (
        "/api/runs/none00000000/stream",
        f"/api/runs/{run}/artifacts/b.json",
        f"/api/runs/{run}/artifacts/a.exe",
    ):
        assert client.get(path).status_code == 404


def test_several_runs_come_over_one_connection(running):
    store, first = running
    second, _ = store.add(key="other", experiment="lr_finder", spec={})
    for number, run in enumerate((first, second)):
        store.write_points(run, {"loss": ([number], [0.5])})
        store.update(run, status="done", finished=1.0)
    client = TestClient(Starlette(routes=stream.routes()))
    answer = client.get("/api/streams", params=[("run", first), ("run", second)])
    parsed = events(answer.content)
    for number, run in enumerate((first, second)):
        mine = [(kind, data) for kind, data, _ in parsed if kind.endswith(f":{run}")]
        assert [kind.split(":")[0] for kind, _ in mine] == ["points", "status", "end"]
        assert mine[0][1]["series"]["loss"] == [[number], [0.5]]
    assert client.get("/api/streams").status_code == 400
    assert client.get("/api/streams", params={"run": "none00000000"}).status_code == 404
