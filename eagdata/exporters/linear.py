"""Linear views of a tree: chat messages of one branch, or of the search that led to it, made by a named policy.

`direct`: the branch alone. `linear_retry`: before each turn also its siblings that failed earlier, each followed by its
observation and the word that the state is back, so that the text shows the error, the feedback and the recovery. `sos`: the
whole search up to the end of the branch (see `sos.py`). How the a1 paper flattens a tree is not public beyond the title of a
theorem ("Linear Retry Approximation"); the policies are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eagdata.exporters.sos import searched, told
from eagdata.exporters.turns import HEADS, STATE_IS_BACK, VOID_REMINDER, observation_text, turn_messages
from eagdata.records import Message, Node

__all__ = ["HEADS", "STATE_IS_BACK", "VOID_REMINDER", "LinearView", "View", "linearize", "observation_text", "turn_messages"]

View = Literal["direct", "linear_retry", "sos"]


@dataclass(frozen=True, slots=True)
class LinearView:
    """Messages, whether each may be trained on, and the nodes that they show."""

    messages: tuple[Message, ...]
    loss: tuple[bool, ...]
    shown: tuple[int, ...]


def linearize(prompt: Sequence[Message], nodes: Sequence[Node], *, end: int | None, view: View, ahead: bool = False) -> LinearView:
    """The branch that ends at node `end` (None: before the first turn), as messages.

    `ahead`: also show what failed below `end` so far, for a teacher that is about to try again there. Loss flags: true for
    the teacher's turns, false for the prompt and for all that answers them.
    """
    if view == "sos":
        shown = searched(nodes, end)
        said = told(nodes, shown)
    else:
        steps = _line(nodes, end=end, view=view, ahead=ahead)
        shown = tuple(index for index, _ in steps)
        said = tuple(message for index, is_back in steps for message in turn_messages(nodes[index], state_is_back=is_back))
    loss = (*(False for _ in prompt), *(message.role == "assistant" for message in said))
    return LinearView((*prompt, *said), loss, shown)


def _line(nodes: Sequence[Node], *, end: int | None, view: View, ahead: bool) -> list[tuple[int, bool]]:
    """The nodes in order, each with whether the state goes back after it."""
    shown: list[tuple[int, bool]] = []
    at = end
    if ahead and view == "linear_retry":
        shown.extend((i, True) for i in reversed(_failed(nodes, end, before=len(nodes))))
    while at is not None:
        shown.append((at, False))
        parent = nodes[at].parent
        if view == "linear_retry":
            shown.extend((i, True) for i in reversed(_failed(nodes, parent, before=at)))
        at = parent
    return shown[::-1]


def _failed(nodes: Sequence[Node], parent: int | None, *, before: int) -> list[int]:
    """Children of `parent` born before `before` whose own action failed. Wrong answers are no feedback of the environment."""
    return [
        i
        for i, node in enumerate(nodes[:before])
        if node.parent == parent and node.observation is not None and node.observation.status != "ok"
    ]
