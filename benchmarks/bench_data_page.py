"""How long the data block page takes to answer a turn of one of its questions, on each embedded set.

Starts the app on the given LAB_HOME (sets that it lacks are drawn first). In one simulated tab per set, as a person
would, each round leafs on to a shelf and an item that nobody has opened yet and then turns through the six questions;
rounds of the sets are interleaved.

    python benchmarks/bench_data_page.py [--home .lab] [--rounds 7]
"""

import argparse
import contextlib
import statistics
import time
from pathlib import Path
from urllib.parse import urlencode

from lab import MEGABYTE, running
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from viewer import Viewer

BUDGET = 0.300
SETS = ("critters", "tiles", "streets", "heads", "ratings")
STEPS = ("Inputs", "Split", "Label", "Transforms", "Test set", "Batches")


class Person(Viewer):
    """A tab whose widgets are turned."""

    def __init__(self, port: int, page: str, query: str) -> None:
        super().__init__(port, page, query)
        self._ids: dict[str, str] = {}
        self._said: dict[str, float | list[str]] = {}

    def turn(self, **widgets: float | str) -> float:
        """Set number inputs and the question by their keys; return the seconds until the page has answered.

        Raises:
            RuntimeError: the page showed a traceback.
        """
        message = BackMsg()
        message.rerun_script.query_string, message.rerun_script.page_name = self._query, self._page
        for key, value in widgets.items():
            self._said[key] = [value] if isinstance(value, str) else float(value)
        for key, value in self._said.items():
            state = message.rerun_script.widget_states.widgets.add()
            state.id = self._ids[key]
            if isinstance(value, list):
                state.string_array_value.data.extend(value)
            else:
                state.double_value = value
        began = time.perf_counter()
        self._socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(self._socket.recv(timeout=60))
            kind = answer.WhichOneof("type")
            if kind == "script_finished":
                return time.perf_counter() - began
            if kind != "delta":
                continue
            element = answer.delta.new_element
            what = element.WhichOneof("type")
            if what == "exception":
                raise RuntimeError(element.exception.message)
            if what in ("number_input", "button_group"):
                widget = getattr(element, what)
                self._ids[widget.query_param_key or widget.id] = widget.id


def main() -> None:
    """Print the answer times per set and question, and the slowest against the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    taken: dict[tuple[str, str], list[float]] = {(name, step): [] for name in SETS for step in STEPS}
    with running(options.home, data=SETS) as lab:
        with contextlib.ExitStack() as tabs:
            people = {}
            for name in SETS:
                query = urlencode({"dataset.name": name})
                people[name] = tabs.enter_context(Person(lab.port, "data_block", query))
                print(f"{name}: page opened in {1e3 * people[name].turn():.0f} ms")
            for number in range(options.rounds):
                for name, tab in people.items():
                    for step in STEPS:
                        seconds = tab.turn(step=step, shelf=number + 1, item=12 * number + 5, draw=number)
                        taken[name, step].append(seconds)
        middle = {pair: statistics.median(times) for pair, times in taken.items()}
        for (name, step), seconds in middle.items():
            worst = max(taken[name, step])
            print(f"{name:<9} {step:<11} median {1e3 * seconds:5.0f} ms, slowest {1e3 * worst:5.0f} ms")
        slowest = max(middle, key=middle.get)
        every = [seconds for times in taken.values() for seconds in times]
        print(f"all turns: median {1e3 * statistics.median(every):.0f} ms, 95 % below"
              f" {1e3 * statistics.quantiles(every, n=20)[-1]:.0f} ms; ratio to 300 ms:"
              f" {statistics.median(every) / BUDGET:.2f}")  # fmt: skip
        print(f"slowest question: {' '.join(slowest)} {1e3 * middle[slowest]:.0f} ms; ratio to 300 ms:"
              f" {middle[slowest] / BUDGET:.2f}")  # fmt: skip
        resident = lab.app.memory_info().rss / MEGABYTE
        print(f"web process with all five sets open: {resident:.0f} MB resident (memory maps count as far as touched)")


if __name__ == "__main__":
    main()
