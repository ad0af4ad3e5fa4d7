"""What an action, a branch and a whole tree cost in the Python environment, next to what people use instead.

    python benchmarks/environment.py [--quick] [--peers-python PATH]

All figures are medians of this run on this machine; a peer that is not installed is said to be so and gets no figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from paused import STATE_MB, paused_branches
from peers import bubblewrap, fresh_process, smolagents

from eagdata.contracts import Episode
from eagdata.environments.python import PythonEnvironment
from eagdata.records import Action, Task

GOAL_ROUND_TRIP_MS = 0.5
GOAL_BRANCH_MS = 10.0
GOAL_TREE_RATIO = 10.0
GOAL_ACTIONS_PER_S = 5000
"""Trivial ones, over 8 episodes."""
GOAL_PAUSED_MB = 1500.0
"""100 branches of a state of 200 MB, the state itself included."""
PAUSED = 100
PEERS = "jupyter_client ipykernel numpy sympy smolagents"

STATES = {
    "nothing": "x = 1",
    "sympy used": "import sympy\ny = sympy.symbols('y')\nz = sympy.expand(sympy.diff((y + 1) ** 8 * sympy.sin(y), y))",
    "50 MB numpy": "import numpy\nbig = numpy.ones(50_000_000 // 8)",
    "500 MB numpy": "import numpy\nbig = numpy.ones(500_000_000 // 8)",
}

# Depends on the state before it, so that a branch without its past fails instead of being fast.
WORK = """
import numpy as np
import sympy as sp
history = globals().get("history", [])
assert len(history) == {depth}, len(history)
x = sp.symbols("x")
grown = sp.expand(sp.diff((x + {sibling} + 1) ** {power} * sp.sin(x), x))
matrix = np.full((200, 200), {depth} + 1.0)
history = history + [float((matrix @ matrix).trace()) + len(grown.args)]
history[-1]
"""


@dataclass(frozen=True)
class Sizes:
    """How often each thing is done."""

    trips: int
    branches: int
    seconds: float
    depth: int
    width: int = 3


FULL = Sizes(trips=1000, branches=25, seconds=2.0, depth=10)
QUICK = Sizes(trips=200, branches=7, seconds=0.5, depth=4)


def python(text: str) -> Action:
    return Action(kind="python", text=text)


async def act(episode: Episode, text: str) -> None:
    """Run one action. Raises: RuntimeError if it does not end well."""
    observation = await episode.step(python(text))
    if observation.status != "ok":
        raise RuntimeError(f"{observation.status} {observation.kind}: {observation.text}")


def task() -> Task:
    return Task(id="benchmark", question="", verifier="exact", environment_config={"memory_mb": 2048})


def show(what: str, figure: str, *, p90: str = "", goal: str = "", verdict: str = "") -> None:
    print(f"{what:<54} {figure:>12} {p90:>12} {goal:>14} {verdict:>16}", flush=True)


def against(goal: float, figure: float) -> str:
    return f"{'met' if figure <= goal else 'MISSED'} ({figure / goal:.2f} x)"


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def p90(times: list[float]) -> float:
    return statistics.quantiles(times, n=10)[-1]


async def timed(episode: Episode, text: str) -> float:
    began = time.perf_counter()
    await act(episode, text)
    return time.perf_counter() - began


async def round_trips(environment: PythonEnvironment, n: int) -> list[float]:
    """(a) Seconds of each of `n` trivial actions in one episode."""
    episode = await environment.reset(task())
    await act(episode, "x = 1")
    times = [await timed(episode, "x = 1") for _ in range(n)]
    await episode.close()
    return times


async def starts(environment: PythonEnvironment, n: int) -> list[float]:
    """Seconds from nothing to the answer of a first action, `n` times."""
    times = []
    for _ in range(n):
        began = time.perf_counter()
        episode = await environment.reset(task())
        await act(episode, "x = 1")
        times.append(time.perf_counter() - began)
        await episode.close()
    return times


async def branch_times(environment: PythonEnvironment, state: str, n: int) -> tuple[list[float], list[float]]:
    """(b) Seconds of `n` forks of an episode in `state`, and of fork and first action together."""
    episode = await environment.reset(task())
    await act(episode, state)
    forks, branches = [], []
    for _ in range(n):
        began = time.perf_counter()
        child = await episode.fork()
        forks.append(time.perf_counter() - began)
        await act(child, "x = 1")
        branches.append(time.perf_counter() - began)
        await child.close()
    await episode.close()
    return forks, branches


async def steps_per_second(environment: PythonEnvironment, episodes: int, seconds: float) -> float:
    """(c) Trivial actions per second over `episodes` concurrent episodes."""
    live = await asyncio.gather(*(environment.reset(task()) for _ in range(episodes)))
    await asyncio.gather(*(act(episode, "x = 1") for episode in live))
    began = time.perf_counter()

    async def drive(episode: Episode) -> int:
        done = 0
        while time.perf_counter() - began < seconds:
            await act(episode, "x = 1")
            done += 1
        return done

    total = sum(await asyncio.gather(*(drive(episode) for episode in live)))
    rate = total / (time.perf_counter() - began)
    await asyncio.gather(*(episode.close() for episode in live))
    return rate


def tree(sizes: Sizes) -> list[list[str]]:
    """(d) The actions of each level; a level's last action is the one that the next level goes on from."""
    return [
        [WORK.format(depth=depth, sibling=sibling, power=6 + depth % 3) for sibling in range(sizes.width)] for depth in range(sizes.depth)
    ]


async def tree_by_forks(environment: PythonEnvironment, levels: list[list[str]]) -> float:
    """Seconds for the tree when each branch is a fork of its parent."""
    began = time.perf_counter()
    at = await environment.reset(task())
    for siblings in levels:
        children = [await at.fork() for _ in siblings]
        for child, action in zip(children, siblings, strict=True):
            await act(child, action)
        for done in (at, *children[:-1]):
            await done.close()
        at = children[-1]
    await at.close()
    return time.perf_counter() - began


def tree_by_processes(levels: list[list[str]]) -> float:
    """Seconds for the tree when each action is a `python -c` that first runs all that came before it."""
    began = time.perf_counter()
    past = ""
    for siblings in levels:
        for action in siblings:
            subprocess.run([sys.executable, "-c", past + action], check=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})
        past += siblings[-1]
    return time.perf_counter() - began


def jupyter(interpreter: str, levels: list[list[str]], trips: int) -> dict[str, float] | None:
    """Times of the same work in Jupyter kernels; None if the interpreter cannot run them."""
    job = json.dumps({"levels": levels, "trivial": trips})
    script = Path(__file__).with_name("jupyter_tree.py")
    probe = "import importlib.util as u, sys; sys.exit(not all(u.find_spec(n) for n in ('jupyter_client', 'ipykernel', 'numpy', 'sympy')))"
    if subprocess.run([interpreter, "-c", probe], check=False).returncode:
        return None
    done = subprocess.run([interpreter, str(script)], input=job, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    times: dict[str, float] = json.loads(done.stdout)
    return times


def machine(environment: PythonEnvironment) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "sympy"))
    host = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {host}, {versions}, uid {os.getuid()}, isolation {environment.isolation}"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few repetitions and a tree of depth 4: some ten seconds")
    parser.add_argument("--peers-python", default=sys.executable, help=f"an interpreter that has {PEERS}")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    async with PythonEnvironment(PythonEnvironment.Config()) as environment:
        print(machine(environment))
        await report(environment, sizes, options.peers_python)


async def report(environment: PythonEnvironment, sizes: Sizes, peers_python: str) -> None:
    """Measure and print everything, a row as soon as it is known."""
    show("what", "median", p90="p90", goal="goal", verdict="figure / goal")
    trips = await round_trips(environment, sizes.trips)
    trip = statistics.median(trips)
    verdict = against(GOAL_ROUND_TRIP_MS, trip * 1000)
    show("(a) action round trip", ms(trip), p90=ms(p90(trips)), goal=f"<= {GOAL_ROUND_TRIP_MS} ms", verdict=verdict)
    fresh = await starts(environment, sizes.branches)
    show("    reset and first action", ms(statistics.median(fresh)), p90=ms(p90(fresh)))
    for name, state in STATES.items():
        forks, branches = await branch_times(environment, state, sizes.branches)
        both = statistics.median(branches)
        show(f"(b) fork, state: {name}", ms(statistics.median(forks)), p90=ms(p90(forks)))
        verdict = against(GOAL_BRANCH_MS, both * 1000)
        show("    fork and first action", ms(both), p90=ms(p90(branches)), goal=f"<= {GOAL_BRANCH_MS:.0f} ms", verdict=verdict)
    for episodes in (1, 8, 64):
        rate = await steps_per_second(environment, episodes, sizes.seconds)
        verdict = f"{'met' if rate >= GOAL_ACTIONS_PER_S else 'MISSED'} ({rate / GOAL_ACTIONS_PER_S:.2f} x)"
        bound = {"goal": f">= {GOAL_ACTIONS_PER_S:,} /s", "verdict": verdict} if episodes == 8 else {}
        show(f"(c) actions per second, {episodes} episodes at once", f"{rate:,.0f} /s", **bound)
    await report_paused(environment)
    report_actions(sizes, trip=trip, peers_python=peers_python)
    await report_tree(environment, sizes, trip=trip, peers_python=peers_python)


async def report_paused(environment: PythonEnvironment) -> None:
    """(e) Memory of paused branches."""
    found = await paused_branches(environment, PAUSED)
    together = found.with_branches - found.before
    verdict = against(GOAL_PAUSED_MB, together)
    show(
        f"(e) {PAUSED} paused branches of {STATE_MB} MB, together",
        f"{together:,.0f} MB",
        goal=f"<= {GOAL_PAUSED_MB:,.0f} MB",
        verdict=verdict,
    )
    show("    of which the state itself", f"{found.with_state - found.before:,.0f} MB")
    show("    each branch more", f"{(found.with_branches - found.with_state) / PAUSED:.2f} MB")
    show("    pages that one branch alone has", f"{found.private_each:.2f} MB")


def report_actions(sizes: Sizes, *, trip: float, peers_python: str) -> None:
    """(f) One trivial action elsewhere, as ratios to ours."""
    few = max(5, sizes.trips // 50)
    for what, figure in (
        ("(f) a trivial action in a fresh process", fresh_process(few)),
        ("    in a fresh bubblewrap", bubblewrap(few)),
        ("    in smolagents' LocalPythonExecutor (no sandbox)", smolagents(peers_python, sizes.trips)),
    ):
        show(what, "not installed" if figure is None else ms(figure), verdict="" if figure is None else f"{figure / trip:.1f} x")


async def report_tree(environment: PythonEnvironment, sizes: Sizes, *, trip: float, peers_python: str) -> None:
    """The same tree on every executor, as ratios to ours."""
    levels = tree(sizes)
    ours = statistics.median([await tree_by_forks(environment, levels) for _ in range(3)])
    print(f"\n(d) the same work: depth {sizes.depth}, width {sizes.width}, {sizes.depth * sizes.width} actions of sympy and matmul")
    show("", "time", verdict="ratio to eagdata")
    show("    eagdata, every branch a fork", f"{ours:.2f} s", verdict="1.0 x")
    fresh = tree_by_processes(levels)
    show("    python -c for every action, with replay", f"{fresh:.2f} s", verdict=f"{fresh / ours:.1f} x")
    peer = jupyter(peers_python, levels, sizes.trips)
    if peer is None:
        show("    Jupyter kernel", "not installed")
        print(f"    to compare: python -m venv /tmp/peers && /tmp/peers/bin/pip install {PEERS}")
        print("    then: python benchmarks/environment.py --peers-python /tmp/peers/bin/python")
        return
    for what, key in (("one Jupyter kernel, %reset and replay", "tree_reset_s"), ("a new Jupyter kernel and replay", "tree_kernels_s")):
        ratio = peer[key] / ours
        verdict = f"{ratio:.1f} x {'met' if ratio >= GOAL_TREE_RATIO else 'MISSED'}"
        show(f"    {what}", f"{peer[key]:.2f} s", goal=f">= {GOAL_TREE_RATIO:.0f} x", verdict=verdict)
    show(
        "    Jupyter action round trip",
        ms(peer["round_trip_s"]),
        p90=ms(peer["round_trip_p90_s"]),
        verdict=f"{peer['round_trip_s'] / trip:.1f} x",
    )


if __name__ == "__main__":
    asyncio.run(main())
