"""HTTP routes beside the pages: live points of a run (Server-Sent Events), its artifacts, its bundle."""

import asyncio
import mimetypes

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from labcore.errors import UserError
from labcore.runs import tail
from labcore.runs.artifacts import Artifacts
from labcore.runs.store import open_store

_tails = tail.Tails()

SHOWN = {".png", ".webp", ".jpg", ".json", ".npy", ".npz", ".parquet", ".onnx", ".safetensors", ".csv"}
"""Kinds of artifact that a browser may fetch."""
MANY = 32
"""Runs on one connection at most; a figure with more lines than that cannot be read."""


def _no_such(error: UserError) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=404)


async def stream(request: Request) -> Response:
    """``GET /api/runs/{run}/stream``: points, status and end events; ``Last-Event-ID`` goes on where it broke off."""
    try:
        following = _tails.of(request.path_params["run"])
    except UserError as error:
        return _no_such(error)
    seen = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    after = int(seen) if seen.isdigit() else 0
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return StreamingResponse(following.watch(after), media_type="text/event-stream", headers=headers)


async def streams(request: Request) -> Response:
    """``GET /api/streams?run=A&run=B``: several runs on one connection; a browser grants a server only six."""
    names = list(dict.fromkeys(request.query_params.getlist("run")))
    if not 0 < len(names) <= MANY:
        return JSONResponse({"error": f"Name 1 to {MANY} runs: /api/streams?run=A&run=B."}, status_code=400)
    try:
        following = {name: _tails.of(name) for name in names}
    except UserError as error:
        return _no_such(error)
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return StreamingResponse(tail.together(following), media_type="text/event-stream", headers=headers)


async def status(request: Request) -> Response:
    """``GET /api/runs/{run}``: the state of a run as JSON."""
    store = open_store()
    try:
        row = await asyncio.to_thread(store.get, request.path_params["run"])
    except UserError as error:
        return _no_such(error)
    return JSONResponse(tail.status(store, row) | {"experiment": row.experiment, "spec": row.spec})


async def artifact(request: Request) -> Response:
    """``GET /api/runs/{run}/artifacts/{name}``: one file; cached by its sha256."""
    run, name = request.path_params["run"], request.path_params["name"]
    suffix = f".{name.rsplit('.', 1)[-1]}"
    known = (await asyncio.to_thread(open_store().artifacts, run)).get(name)
    if known is None or suffix not in SHOWN:
        return _no_such(UserError(f"Run {run} has no artifact {name}."))
    tag = f'"{known["sha256"]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304)
    data = await asyncio.to_thread(Artifacts().read, run, name)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type=kind, headers=headers)


def routes() -> list[Route]:
    """The routes for ``st.App(..., routes=...)``."""
    return [
        Route("/api/runs/{run}/stream", stream),
        Route("/api/streams", streams),
        Route("/api/runs/{run}/artifacts/{name}", artifact),
        Route("/api/runs/{run}", status),
    ]
