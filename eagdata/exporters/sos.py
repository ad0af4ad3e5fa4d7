r"""The linear view `sos`: a whole search as one conversation, in the order in which it happened, which parses back into the tree.

Each reply is headed by where it stands: its path id, the samples from the first turn down, e.g. `[0.1.2]`. A reply that does not
go on from the one before it first says what that one came to and to which place the search goes back:

    (0.1.2 ended in an error. Back to 0.1.)
    [0.1.3]
    I take the other root.

The marks stand at the beginning of a reply and nowhere else, and there is exactly one head to a reply, so text that imitates
them is text: it needs no escape, and code stays as it was run. What answers a reply is a message of its own: an observation, or
a note on a reply that caused none.

Source of the idea, a path id at each node and an explicit move back: Stream of Search (Gandhi et al. 2024, arXiv 2404.03683,
github.com/kanishkg/stream-of-search). The words and the division into messages are ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from eagdata.exporters.turns import VOID_REMINDER, observation_text, read_observation, turn_messages, with_heard
from eagdata.records import Message, Node, NodeStatus, path_to

_START = "the start"
_CAME_TO = {
    "ok": "was left open",
    "error": "ended in an error",
    "timeout": "ran out of time",
    "limit": "ran into a limit",
    "answered": "was not accepted",
    "void": "came to nothing",
    "truncated": "was cut off",
    "repeated": "was tried before",
}
NOTES: dict[NodeStatus, str] = {
    "answered": "(This answer was not accepted.)",
    "void": VOID_REMINDER,
    "truncated": "(It came to a limit. Nothing of that reply was run.)",
    "repeated": "(The same was tried here before. It was not run again.)",
}
"""What is said after a reply that caused no observation, by its status."""
_NOTED = {note: status for status, note in NOTES.items()}
_ID = r"[0-9]+(?:\.[0-9]+)*"
_MARKED = re.compile(
    rf"(?:\((?P<left>{_ID}) (?P<came_to>{'|'.join(_CAME_TO.values())})\. Back to (?P<to>{_ID}|{_START})\.\)\n)?"
    rf"\[(?P<id>{_ID})\]\n(?P<content>.*)",
    re.DOTALL,
)


def searched(nodes: Sequence[Node], end: int | None) -> tuple[int, ...]:
    """The nodes that the view shows: all that were born up to `end` (None: before the first turn), but no fault of ours.

    What came after `end` is trimmed, as the filter of Stream of Search (`countdown_star_filter.py`) trims after the goal.
    """
    return () if end is None else tuple(i for i, node in enumerate(nodes[: end + 1]) if node.status != "failed")


def told(nodes: Sequence[Node], shown: Sequence[int]) -> tuple[Message, ...]:
    """The messages of `shown`. An answer before the last node was not accepted: the search went on after it."""
    said: list[Message] = []
    last: int | None = None
    for index in shown:
        mark = f"[{_path_id(nodes, index)}]\n"
        if nodes[index].parent != last and last is not None:
            came_to = _CAME_TO[_end(nodes[last])]
            mark = f"({_path_id(nodes, last)} {came_to}. Back to {_path_id(nodes, nodes[index].parent)}.)\n{mark}"
        said += _turn(nodes[index], mark, is_last=index == shown[-1])
        last = index
    return tuple(said)


def parse(messages: Sequence[Message]) -> tuple[Node, ...]:
    """The tree that the messages tell, prompt or no prompt before them: of each node its place, status, reply and observation.

    The inverse of the view: what is not in the text (the observation's kind, the search's scores, the calls) is not in the nodes.
    Raises: ValueError naming the message that is none of this view, or that says another place than it stands at.
    """
    begin = next((i for i, message in enumerate(messages) if message.role == "assistant"), len(messages))
    places: dict[str, int | None] = {_START: None}
    nodes: list[Node] = []
    last = _START
    for at in range(begin, len(messages)):
        message = messages[at]
        if message.role == "assistant":
            came = (last, _CAME_TO[_end(nodes[-1])]) if nodes else None
            node, last = _read_reply(message, places, came=came, at=at)
            places[last] = len(nodes)
            nodes.append(node)
        elif messages[at - 1].role != "assistant":
            raise ValueError(f"message {at} answers no reply")
        else:
            nodes[-1] = _read_heard(nodes[-1], message, at=at)
    return tuple(nodes)


def _turn(node: Node, mark: str, *, is_last: bool) -> tuple[Message, ...]:
    reply = replace(turn_messages(node)[0], content=mark + node.content)
    if node.observation:
        return with_heard(reply, observation_text(node.observation))
    return (reply,) if is_last and node.status == "answered" else with_heard(reply, NOTES[node.status])


def _read_reply(message: Message, places: dict[str, int | None], *, came: tuple[str, str] | None, at: int) -> tuple[Node, str]:
    """The node of a reply, as an answer until something answers it, and its path id. `came`: where from, and what that came to."""
    found = _MARKED.fullmatch(message.content)
    if not found:
        raise ValueError(f"message {at} does not say where it stands")
    parent, _, sample = found["id"].rpartition(".")
    parent = parent or _START
    if parent not in places or found["id"] in places:
        raise ValueError(f"message {at} stands at {found['id']}, which is {'taken' if parent in places else 'below no reply'}")
    moved = (*came, parent) if came and came[0] != parent else (None, None, None)
    if found.group("left", "came_to", "to") != moved:
        raise ValueError(f"message {at} at {found['id']} does not move back as it must: from, what that came to, to: {moved}")
    node = Node(
        parent=places[parent], sample=int(sample), call="", status="answered", content=found["content"],
        reasoning=message.reasoning_content, tool_calls=message.tool_calls,
    )  # fmt: skip
    return node, found["id"]


def _read_heard(node: Node, message: Message, *, at: int) -> Node:
    observation = read_observation(message.content)
    if observation:
        return replace(node, status="acted", observation=observation)
    if message.content not in _NOTED:
        raise ValueError(f"message {at} is neither an observation nor a note")
    return replace(node, status=_NOTED[message.content])


def _path_id(nodes: Sequence[Node], index: int | None) -> str:
    return ".".join(str(nodes[i].sample) for i in path_to(nodes, index)) or _START


def _end(node: Node) -> str:
    return node.observation.status if node.observation else node.status
