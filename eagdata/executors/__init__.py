"""Where the jobs of a curation run: on this machine, or on several."""

from __future__ import annotations

import os

from eagdata.contracts import Executor
from eagdata.errors import RecipeError
from eagdata.executors.local import LocalExecutor
from eagdata.executors.ray import RayExecutor


def executor(name: str) -> Executor:
    """`local`: a worker process for each core that this process may use. `ray`: see `RayExecutor`.

    Raises: RecipeError for another name; PrerequisiteError and BoundaryError from `RayExecutor`.
    """
    if name == LocalExecutor.name:
        return LocalExecutor(len(os.sched_getaffinity(0)))
    if name == RayExecutor.name:
        return RayExecutor()
    raise RecipeError(f"unknown executor {name!r}", why="there are local and ray", mend="give --executor local or --executor ray")
