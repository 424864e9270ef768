"""What a hundred viewers of one live run cost the server, and how late each sees a point.

Starts the app itself (``streamlit run app.py``) on a store of its own, writes ten chunks a second as a worker would,
and reads the stream over plain HTTP. Prints the server's CPU share with viewers against without, and the delay from
stored to received.

    python benchmarks/bench_streaming.py --viewers 100 --seconds 20
"""

import argparse
import asyncio
import statistics
import time

import orjson
import psutil
from lab import running

from labcore.runs.process import identity
from labcore.runs.store import open_store

CHUNKS_PER_SECOND = 10
POINTS_PER_CHUNK = 2


def server_cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def view(port: int, run: str, until: float, sent: dict[int, float], delays: list[float]) -> int:
    """One viewer: count the steps it saw, note how late each came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /api/runs/{run}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode()
    )
    await writer.drain()
    seen: set[int] = set()
    live = False
    while time.monotonic() < until:
        try:
            line = await asyncio.wait_for(reader.readline(), timeout=max(0.05, until - time.monotonic()))
        except TimeoutError:
            break
        if not line:
            break
        if line.startswith(b"data: ") and b'"loss"' in line and b'"series"' in line:
            now = time.time()
            steps = orjson.loads(line[6:])["series"]["loss"][0]
            if live:  # the backlog is not late, it is old
                delays.extend(now - sent[step] for step in steps if step in sent)
            live = True
            seen.update(steps)
    writer.close()
    return len(seen)


async def measure(store, run: str, port: int, server: psutil.Process, viewers: int, seconds: float) -> dict:
    """Write points for ``seconds`` with so many viewers; return the server's CPU share and the delays."""
    sent: dict[int, float] = {}
    delays: list[float] = []
    until = time.monotonic() + seconds
    first = max((int(curve.steps[-1]) + 1 for curve in store.series(run).values()), default=0)
    watching = [asyncio.create_task(view(port, run, until + 1.0, sent, delays)) for _ in range(viewers)]
    await asyncio.sleep(1.5)
    began, cpu = time.monotonic(), server_cpu(server)
    step = first
    while time.monotonic() < until:
        steps = list(range(step, step + POINTS_PER_CHUNK))
        await asyncio.to_thread(store.write_points, run, {"loss": (steps, [0.5] * len(steps))})
        sent.update(dict.fromkeys(steps, time.time()))
        step += POINTS_PER_CHUNK
        await asyncio.sleep(1 / CHUNKS_PER_SECOND)
    share = (server_cpu(server) - cpu) / (time.monotonic() - began)
    counts = await asyncio.gather(*watching)
    return {"cpu": share, "delays": delays, "complete": all(count == step for count in counts), "points": step - first}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    with running() as lab:  # warm: an engine that still imports would be charged to the server's neighbours
        store = open_store()
        run, _ = store.add(key="bench", experiment="lr_finder", spec={}, status="running", worker=identity())
        results = {}
        for viewers in (0, options.viewers, 0, options.viewers):  # interleaved: the machine may be shared
            results.setdefault(viewers, []).append(
                asyncio.run(measure(store, run, lab.port, lab.app, viewers, options.seconds))
            )
    idle = statistics.median(result["cpu"] for result in results[0])
    busy = statistics.median(result["cpu"] for result in results[options.viewers])
    delays = sorted(delay for result in results[options.viewers] for delay in result["delays"])
    print(f"server CPU, of one core: {idle:.1%} without viewers, {busy:.1%} with {options.viewers}")
    print(f"every viewer saw every point: {all(result['complete'] for result in results[options.viewers])}")
    late = f"median {statistics.median(delays):.3f} s, 99 % {delays[int(len(delays) * 0.99)]:.3f} s"
    print(f"stored to received: {late}, worst {delays[-1]:.3f} s over {len(delays):,} points")
    print(f"ratio to the budget of 10 % of a core: {busy / 0.10:.2f}; to the budget of 1.0 s: {delays[-1]:.2f}")


if __name__ == "__main__":
    main()
