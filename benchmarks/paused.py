"""What paused branches of a large state cost in memory, read from the kernel."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from eagdata.contracts import Episode
from eagdata.environments.python import PythonEnvironment
from eagdata.environments.sandbox.family import descendants
from eagdata.records import Action, Task

STATE_MB = 200
_STATE = f"import numpy\nbig = numpy.ones({STATE_MB} * 2**20 // 8)"


@dataclass(frozen=True)
class Paused:
    """Memory of all processes of the boxes together, in MB, each shared page counted once (proportional set size, proc(5))."""

    before: float
    with_state: float
    with_branches: float
    private_each: float
    """Pages that only one branch has, on average."""


async def paused_branches(environment: PythonEnvironment, n: int) -> Paused:
    """`n` paused branches of one state of 200 MB. Raises: RuntimeError if a branch does not hold the state."""
    warm = await environment.reset(_task())
    await warm.step(Action(kind="python", text="import numpy"))
    before, _ = _memory_mb()
    episode = await environment.reset(_task())
    await episode.step(Action(kind="python", text=_STATE))
    with_state, _ = _memory_mb()
    known = set(descendants(os.getpid()))
    branches = [await episode.fork() for _ in range(n)]
    with_branches, private = _memory_mb(only=set(descendants(os.getpid())) - known)
    await _check(branches[-1])
    for one in (*branches, episode, warm):
        await one.close()
    return Paused(before, with_state, with_branches, private / n)


async def _check(branch: Episode) -> None:
    seen = await branch.step(Action(kind="python", text="float(big.sum()) == big.size"))
    if seen.value != "True":
        raise RuntimeError(f"the branch has lost the state: {seen.text}")


def _task() -> Task:
    return Task(id="paused", question="", verifier="exact", environment_config={"memory_mb": 2048})


def _memory_mb(only: set[int] | None = None) -> tuple[float, float]:
    """Proportional size of all processes below this one; private size of all, or `only` of some."""
    total = private = 0
    for pid in descendants(os.getpid()):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
        total += sizes["Pss"]
        if only is None or pid in only:
            private += sizes["Private_Clean"] + sizes["Private_Dirty"]
    return total / 1024, private / 1024
