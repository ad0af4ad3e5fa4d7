"""The Jupyter side of `environment.py`: run by an interpreter that has jupyter_client, ipykernel, numpy and sympy.

Reads {"levels": [[action, ...], ...], "trivial": n} from stdin, writes times in seconds to stdout, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import time
from collections.abc import Iterator

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

RESET = "%reset -f"


@contextlib.contextmanager
def kernel() -> Iterator[BlockingKernelClient]:
    """A fresh kernel, ready to run."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, *actions: str) -> None:
    """Run `actions` one after the other. Raises: RuntimeError if one of them fails."""
    for action in actions:
        reply = client.execute_interactive(action, timeout=60, output_hook=lambda message: None)
        if reply["content"]["status"] != "ok":
            raise RuntimeError(reply["content"])


def tree_with_reset(levels: list[list[str]]) -> float:
    """One kernel; each branch but a level's first, whose state is still live, starts with %reset and a replay of its past."""
    began = time.perf_counter()
    with kernel() as client:
        past: list[str] = []
        for siblings in levels:
            for number, action in enumerate(siblings):
                if number:
                    run(client, RESET, *past)
                run(client, action)
            past.append(siblings[-1])
    return time.perf_counter() - began


def tree_with_kernels(levels: list[list[str]]) -> float:
    """A new kernel and a replay for each branch, but for a level's first, whose state is still live."""
    began = time.perf_counter()
    past: list[str] = []
    with contextlib.ExitStack() as live:
        client = live.enter_context(kernel())
        for siblings in levels:
            for number, action in enumerate(siblings):
                if number:
                    live.close()
                    client = live.enter_context(kernel())
                    run(client, *past)
                run(client, action)
            past.append(siblings[-1])
    return time.perf_counter() - began


def round_trip(n: int) -> list[float]:
    """Times of `n` trivial actions in one kernel."""
    times = []
    with kernel() as client:
        run(client, "x = 1")
        for _ in range(n):
            began = time.perf_counter()
            run(client, "x = 1")
            times.append(time.perf_counter() - began)
    return times


def main() -> None:
    job = json.load(sys.stdin)
    times = round_trip(job["trivial"])
    found = {
        "round_trip_s": statistics.median(times),
        "round_trip_p90_s": statistics.quantiles(times, n=10)[-1],
        "tree_reset_s": tree_with_reset(job["levels"]),
        "tree_kernels_s": tree_with_kernels(job["levels"]),
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
