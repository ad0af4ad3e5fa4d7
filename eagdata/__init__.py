"""eagdata turns tasks into verified trajectories.

A teacher proposes, a real environment answers, verifiers judge; what survives is a dataset in which every row proves itself
by re-execution. `eagdata generate` is the command; `read_plan` and `generate` are the same in Python.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "Action": "records",
    "EagdataError": "errors",
    "Leaf": "records",
    "Node": "records",
    "Observation": "records",
    "Plan": "plan",
    "Task": "records",
    "Trace": "records",
    "Verdict": "records",
    "generate": "pipeline",
    "read_plan": "recipe",
    "read_traces": "store",
    "verify": "pipeline",
}

__all__ = [
    "Action",
    "EagdataError",
    "Leaf",
    "Node",
    "Observation",
    "Plan",
    "Task",
    "Trace",
    "Verdict",
    "__version__",
    "generate",
    "read_plan",
    "read_traces",
    "verify",
]

if TYPE_CHECKING:
    from eagdata.errors import EagdataError
    from eagdata.pipeline import generate, verify
    from eagdata.plan import Plan
    from eagdata.recipe import read_plan
    from eagdata.records import Action, Leaf, Node, Observation, Task, Trace, Verdict
    from eagdata.store import read_traces


def __getattr__(name: str) -> object:
    """Public names load their module when they are first used: `import eagdata` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eagdata' has no attribute {name!r}")
    return getattr(import_module(f"eagdata.{_HOMES[name]}"), name)
