"""python -m benchmarks.load [--json FILE]: many visitors who move sliders, without a browser.

Each visitor is a session of its own that speaks Streamlit's protocol: it opens a page as a browser
does, then moves one of its sliders once a second, to the next value and back at the ends. A move
takes from the message until the script has ended and everything was received. Four visitors a
second arrive, and who has not got an answer yet leaves out the next move.

Told are percentiles over all moves, the time of each first page, how much CPU time of the server
a move costs, and the server's memory before, at most, and after the visitors have left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Slider_pb2 import Slider
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.pages import machine
from benchmarks.serving import running

VISITORS = (1, 20, 40, 100)
SECONDS = 60.0
EVERY_S = 1.0  # a move of each visitor
WARM_UP_S = 10.0
LEAVE_S = 30.0  # until the server has forgotten visitors who left
PATHS = {"overview": "", "kv_cache": "kv_cache", "capacity": "capacity"}
SLIDERS = ("n_kv_heads", "context_len")
LARGEST_BYTES = 64 * 1024**2
SMALL_BYTES = 512  # the end of a script and an exception's type are told in fewer
ARRIVALS_PER_S = 4.0


@dataclass
class Visitor:
    """One session: its connection, the page it shows, and the sliders of that page by key."""

    connection: ClientConnection
    path: str
    sliders: dict[str, Slider] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    script_hash: str = ""

    async def open(self) -> float:
        """Seconds until the page was received."""
        start = time.perf_counter()
        await self._run(page_name=self.path)
        self.values = {
            key: slider.options[int(slider.default[0])] for key, slider in self.sliders.items()
        }
        return time.perf_counter() - start

    async def move(self, key: str, step: int) -> float:
        """Seconds until the page was received anew, with a slider moved by `step`, or back."""
        options = list(self.sliders[key].options)
        position = options.index(self.values[key]) + step
        if not 0 <= position < len(options):
            position -= 2 * step
        self.values[key] = options[position]
        start = time.perf_counter()
        await self._run(page_script_hash=self.script_hash)
        return time.perf_counter() - start

    async def _run(self, **state: str) -> None:
        message = BackMsg()
        for name, text in state.items():
            setattr(message.rerun_script, name, text)
        for key, value in self.values.items():
            widget = message.rerun_script.widget_states.widgets.add()
            widget.id = self.sliders[key].id
            widget.string_array_value.data.append(value)
        await self.connection.send(message.SerializeToString())
        async for data in self.connection:
            is_news = not self.values or len(data) < SMALL_BYTES  # else parsing would be the load
            if is_news and self._is_end(ForwardMsg.FromString(bytes(data))):
                return

    def _is_end(self, message: ForwardMsg) -> bool:
        """Note what a message tells; True if the script has ended, and not to run again."""
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self.script_hash = message.navigation.page_script_hash
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "slider":
            slider = message.delta.new_element.slider
            if slider.query_param_key in SLIDERS:
                self.sliders[slider.query_param_key] = slider
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
            raise RuntimeError(message.delta.new_element.exception.message)
        return (
            kind == "script_finished"
            and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
        )


async def visit(
    address: str, path: str, arrival_s: float, end_s: float
) -> tuple[float, list[float]]:
    """Seconds of one visitor's first page, and of each of their moves until `end_s` from now."""
    end = time.perf_counter() + end_s
    await asyncio.sleep(arrival_s)
    url = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with connect(
        url, origin=address, subprotocols=["streamlit"], max_size=LARGEST_BYTES
    ) as connection:
        visitor = Visitor(connection, path)
        first, moves = await visitor.open(), []
        step = 1
        key = random.choice(list(visitor.sliders))
        while (now := time.perf_counter()) < end:
            moves.append(await visitor.move(key, step))
            if random.random() < 0.2:
                key, step = random.choice(list(visitor.sliders)), -step
            await asyncio.sleep(max(0.0, now + EVERY_S - time.perf_counter()))
    return first, moves


async def _all(
    addresses: Sequence[str], paths: Sequence[str], n_visitors: int, seconds: float
) -> list[tuple[float, list[float]]]:
    end_s = n_visitors / ARRIVALS_PER_S + seconds
    visits = (
        visit(
            addresses[index % len(addresses)],
            paths[index % len(paths)],
            (index + random.random()) / ARRIVALS_PER_S,
            end_s,
        )
        for index in range(n_visitors)
    )
    return await asyncio.gather(*visits)


def load(
    addresses: Sequence[str],
    processes: Sequence[psutil.Process],
    paths: Sequence[str],
    n_visitors: int,
    seconds: float,
) -> dict[str, Any]:
    """One row: percentiles in seconds, CPU seconds per move and memory in bytes."""
    before, cpu = _rss(processes), _cpu(processes)
    peak = 0

    async def watched() -> list[tuple[float, list[float]]]:
        nonlocal peak
        visits = asyncio.ensure_future(_all(addresses, paths, n_visitors, seconds))
        while not visits.done():
            peak = max(peak, _rss(processes))
            await asyncio.wait([visits], timeout=0.5)
        return visits.result()

    results = asyncio.run(watched())
    used = _cpu(processes) - cpu
    time.sleep(min(LEAVE_S, seconds))
    moves = sorted(time_s for _, times in results for time_s in times)
    firsts = sorted(first for first, _ in results)
    return {
        "visitors": n_visitors,
        "moves": len(moves),
        "p50": _percentile(moves, 50),
        "p95": _percentile(moves, 95),
        "p99": _percentile(moves, 99),
        "first_page_p95": _percentile(firsts, 95),
        "cpu_s_per_run": used / (len(moves) + len(firsts)),
        "rss_before": before,
        "rss_peak": peak,
        "rss_after": _rss(processes),
    }


def _percentile(values: Sequence[float], percent: int) -> float:
    """The percentile of ascending values; the only value if there is one."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _rss(processes: Sequence[psutil.Process]) -> int:
    return sum(process.memory_info().rss for process in processes)


def _cpu(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def line(name: str, row: dict[str, Any]) -> str:
    """One row of the table."""
    times = " ".join(f"{1000 * row[key]:>7.0f}" for key in ("p50", "p95", "p99", "first_page_p95"))
    memory = " ".join(f"{row[key] / 1e6:>6.0f}" for key in ("rss_before", "rss_peak", "rss_after"))
    cpu = 1000 * row["cpu_s_per_run"]
    return f"{name:<10}{row['visitors']:>9}{row['moves']:>7} {times} {cpu:>9.1f} {memory}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row per page and number of visitors, and write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", metavar="FILE", help="write the rows, and the machine")
    parser.add_argument("--log", metavar="FILE_OR_URL", help="the run log (default: an empty one)")
    parser.add_argument("--visitors", type=int, nargs="+", default=VISITORS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--replicas", type=int, default=1, help="servers that take turns")
    parser.add_argument("--only", nargs="+", choices=[*PATHS, "mixed"], default=[*PATHS, "mixed"])
    options = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        log = options.log or Path(folder) / "runs.sqlite"
        servers = [stack.enter_context(running(log)) for _ in range(options.replicas)]
        addresses = [server.address for server in servers]
        processes = [psutil.Process(server.pid) for server in servers]
        load(addresses, processes, list(PATHS.values()), options.replicas * len(PATHS), WARM_UP_S)
        sys.stdout.write(
            "page       visitors  moves     p50     p95     p99 first95 CPU ms/run"
            " before   peak  after\n"
        )
        for name in options.only:
            paths = list(PATHS.values()) if name == "mixed" else [PATHS[name]]
            for n_visitors in options.visitors:
                row = load(addresses, processes, paths, n_visitors, options.seconds)
                sys.stdout.write(f"{line(name, row)}\n")
                sys.stdout.flush()
                rows.append({"page": name, **row})
    if options.json:
        Path(options.json).write_text(json.dumps(machine() | {"rows": rows}, indent=1))


if __name__ == "__main__":
    main()
