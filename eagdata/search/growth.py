"""The tree as a search sees it: what was told, by index, append-only. Each operation costs O(1)."""

from __future__ import annotations

from eagdata.contracts import Feedback


class Tree:
    """Feedback of all nodes, with children and depths."""

    def __init__(self) -> None:
        self.nodes: dict[int, Feedback] = {}
        self.children: dict[int | None, list[int]] = {None: []}
        self.depth: dict[int | None, int] = {None: 0}
        self.solved = 0
        self.faults = 0

    def add(self, feedback: Feedback) -> bool:
        """Take in a node; False if it is known already.

        Raises: ValueError if its parent is unknown, or the node is known with other content.
        """
        known = self.nodes.get(feedback.node)
        if known is not None:
            if known != feedback:
                raise ValueError(f"node {feedback.node} was told before as {known}, now as {feedback}")
            return False
        if feedback.parent not in self.children:
            raise ValueError(f"node {feedback.node} has parent {feedback.parent}, which was never told")
        self.nodes[feedback.node] = feedback
        self.children[feedback.node] = []
        self.children[feedback.parent].append(feedback.node)
        self.depth[feedback.node] = self.depth[feedback.parent] + 1
        self.solved += feedback.solved is True
        self.faults += feedback.status == "failed"
        return True
