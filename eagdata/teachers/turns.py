"""What a teacher's reply says to do: one action, or one answer, or neither.

The rules come from what small models write when asked for one block a turn: several blocks in one reply, invented output
blocks, an answer written before the output was seen, a block cut by the token limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from eagdata.boxed import last_boxed
from eagdata.contracts import Reply
from eagdata.records import Action, NodeStatus, ToolCall

TOOL_NAME = "run"
_OPENING = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<label>[\w+#.-]*)[ \t]*")
_BOX = re.compile(r"\\boxed\s*\{")
_ALIASES = {"python": frozenset({"python", "py", "python3", ""})}
_CUT = frozenset({"length", "content_filter"})
"""Finish reasons after which an open block is not what the teacher meant to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A reply, read. At most one of `action`, `answer`, `void` and `truncated` holds."""

    content: str
    """The reply, cut right after its action, so that an output it invents never enters."""
    thought: str
    """What stands before the action; the whole text where there is none."""
    reasoning: str | None = None
    """The model's own chain of thought, from its field or from `<think>` tags."""
    tool_calls: tuple[ToolCall, ...] | None = None
    """The one call that is the action; others are dropped, since nothing answers them."""
    action: Action | None = None
    answer: str | None = None
    void: bool = False
    """Neither an action nor an answer."""
    truncated: bool = False
    """The token limit cut it before it said anything that can be used."""

    @property
    def status(self) -> NodeStatus:
        """What a node with this turn is, before its action ran."""
        return "truncated" if self.truncated else "void" if self.void else "acted" if self.action else "answered"


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    label: str
    code: str
    closed: bool


def parse_reply(reply: Reply, *, language: str | None) -> Turn:
    """The one action or answer of a reply. An action wins: an answer beside it was written before its output was seen.

    `language`: label of the block that holds an action; for Python also `py` and no label. None: there is no environment,
    blocks are plain text, only an answer counts.
    """
    text, reasoning = _split_thinking(reply.content, reply.reasoning)
    cut = reply.finish_reason in _CUT
    if language is None:
        return _answer(text, reasoning, spoken=text, cut=cut)
    if reply.tool_calls and (found := _tool_action(reply.tool_calls, language)):
        call, action = found
        return Turn(content=text, thought=text.strip(), reasoning=reasoning, tool_calls=(call,), action=action)
    blocks = tuple(_blocks(text))
    chosen = next((block for block in blocks if _is_action(block, language)), None)
    if chosen is None:
        return _answer(text, reasoning, spoken=_outside(text, blocks), cut=cut)
    if not chosen.closed and cut:
        return Turn(content=text, thought=text[: chosen.start].strip(), reasoning=reasoning, truncated=True)
    return Turn(
        content=text[: chosen.end] if chosen.closed else f"{text.rstrip()}\n{_fence(text, chosen)}",
        thought=text[: chosen.start].strip(),
        reasoning=reasoning,
        action=Action(kind=language, text=chosen.code),
    )


def _answer(text: str, reasoning: str | None, *, spoken: str, cut: bool) -> Turn:
    """A turn without an action. `spoken`: where an answer counts, the text outside of blocks."""
    answer = None if cut else last_boxed(spoken)
    void = answer is None and not cut
    return Turn(content=text, thought=text.strip(), reasoning=reasoning, answer=answer, void=void, truncated=cut)


def _tool_action(calls: tuple[ToolCall, ...], language: str) -> tuple[ToolCall, Action] | None:
    """The first call, if it is one of ours with usable arguments."""
    call = calls[0]
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        return None
    code = arguments.get("code") if isinstance(arguments, dict) else None
    if call.name != TOOL_NAME or not isinstance(code, str) or not code.strip():
        return None
    return call, Action(kind=language, text=code)


def _split_thinking(content: str, reasoning: str | None) -> tuple[str, str | None]:
    """Visible text and chain of thought. Some servers leave `<think>` tags in the content, some only the closing one."""
    head, closing, rest = content.partition("</think>")
    opened = head.lstrip().startswith("<think>")
    if opened:
        head = head.lstrip().removeprefix("<think>")
    elif not closing or "```" in head:
        return content, reasoning
    thought = "\n".join(part for part in (reasoning, head.strip()) if part)
    return rest.lstrip("\n"), thought or None


def _blocks(text: str) -> Iterator[_Block]:
    """Fenced blocks as CommonMark 0.31 section 4.5 has them, but at any indentation. The last one may be open."""
    opening: re.Match[str] | None = None
    start, at, lines = 0, 0, list[str]()
    for line in text.splitlines(keepends=True):
        at += len(line)
        bare = line.rstrip()
        if opening is None:
            opening = _OPENING.fullmatch(bare)
            start, lines = at - len(line), []
        elif bare.strip() and not bare.strip().strip(opening["fence"][0]) and len(bare.strip()) >= len(opening["fence"]):
            yield _block(opening, lines, start=start, end=at - len(line) + len(bare), closed=True)
            opening = None
        else:
            lines.append(line)
    if opening is not None:
        yield _block(opening, lines, start=start, end=len(text), closed=False)


def _block(opening: re.Match[str], lines: list[str], *, start: int, end: int, closed: bool) -> _Block:
    indent = opening["indent"]
    code = "".join(line.removeprefix(indent) for line in lines)
    return _Block(start, end, opening["label"].lower(), code.rstrip("\n"), closed)


def _is_action(block: _Block, language: str) -> bool:
    """An unlabelled block that boxes an answer is no code."""
    labels = _ALIASES.get(language, frozenset({language.lower()}))
    return block.label in labels and bool(block.code.strip()) and not (block.label == "" and _BOX.match(block.code.lstrip()))


def _outside(text: str, blocks: tuple[_Block, ...]) -> str:
    """`text` without its labelled blocks: an answer inside an invented output does not count."""
    for block in reversed(blocks):
        if block.label:
            text = text[: block.start] + text[block.end :]
    return text


def _fence(text: str, block: _Block) -> str:
    """The closing fence that a stop sequence swallowed."""
    opening = _OPENING.match(text, block.start)
    return opening["indent"] + opening["fence"] if opening else "```"
