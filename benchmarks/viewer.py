"""A simulated browser tab: speaks Streamlit's own protocol over its websocket, for benchmarks."""

import time
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect


class Viewer:
    """One tab on one page.

    >>> with Viewer(8501, "lr_finder") as tab:  # doctest: +SKIP
    ...     seconds, size = tab.rerun()
    """

    def __init__(self, port: int, page: str = "", query: str = "") -> None:
        self._port, self._page, self._query = port, page, query

    def __enter__(self) -> Self:
        self._socket = connect(
            f"ws://127.0.0.1:{self._port}/_stcore/stream", subprotocols=["streamlit"], max_size=2**28
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def rerun(self) -> tuple[float, int]:
        """Ask for one full script run; return (seconds until it finished, bytes received).

        Raises:
            RuntimeError: the page showed a traceback.
        """
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_name = self._page
        began, size = time.perf_counter(), 0
        self._socket.send(message.SerializeToString())
        while True:
            data = self._socket.recv(timeout=60)
            size += len(data)
            answer = ForwardMsg()
            answer.ParseFromString(data)
            kind = answer.WhichOneof("type")
            if kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
                raise RuntimeError(answer.delta.new_element.exception.message)
            if kind == "script_finished":
                return time.perf_counter() - began, size
