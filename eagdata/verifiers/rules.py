"""Rules on a whole branch: reasons for which a right answer still makes no row.

Sources: void turn, SimpleTIR (recipe `execute_predictions`); answer without an executed action that supports it, the
answer-before-code filters of NeMo-Skills; truncation, verifiers' and open-r1's finish-reason filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eagdata.contracts import Verifier
from eagdata.records import Node

REASONS = {
    "void_turn": "a turn with neither an action nor an answer",
    "truncated": "a reply that was cut by the token limit",
    "unsupported_answer": "no executed action of the branch shows the answer",
    "nondeterministic": "a re-execution gave other observations, or another verdict",
    "duplicate_task": "the same task came before",
    "task_gate": "the task cannot tell a right answer from a wrong one",
    "duplicate_actions": "another row has the same actions and answer",
    "wrong_answer": "the verifier refused every answer",
    "unscored": "the verifier could not score the answer",
    "no_answer": "no branch reached an answer",
    "limit": "a limit on nodes, depth, tokens or time ended the growth before an answer",
}


def drop_reason(branch: Sequence[Node], verifier: Verifier, *, raw: bool) -> str | None:
    """Why this branch may not become a row, or None. `raw` tasks have no environment: nothing can support their answer."""
    if any(node.status == "truncated" for node in branch):
        return "truncated"
    if any(node.status == "void" for node in branch):
        return "void_turn"
    if raw:
        return None
    outputs = [node.observation.text for node in branch if node.observation and node.observation.status == "ok"]
    if not outputs or not verifier.supported(branch[-1].answer or "", outputs):
        return "unsupported_answer"
    return None


def repeats(nodes: Sequence[Node], index: int) -> Node:
    """The node, marked `repeated` if an earlier sibling, or a failed step on its way, already ran the same code.

    Small models copy failed code word for word in most samples; running it again would show nothing new.
    """
    node = nodes[index]
    if node.status != "acted" or node.action is None:
        return node
    earlier = [other for other in nodes[:index] if other.parent == node.parent]
    at = node.parent
    while at is not None:
        seen = nodes[at].observation
        if seen and seen.status != "ok":
            earlier.append(nodes[at])
        at = nodes[at].parent
    code = node.action.text.split()
    same = any(other.action and other.action.text.split() == code for other in earlier)
    return replace(node, status="repeated") if same else node
