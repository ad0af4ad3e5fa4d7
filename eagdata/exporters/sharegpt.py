"""Conversations of `from` and `value`, with the roles of LLaMA-Factory.

    {"conversations": [{"from": "human", "value": "2+3?"}, {"from": "function_call", "value": "{\\"name\\": \\"python\\", ...}"},
      {"from": "observation", "value": "5"}, {"from": "gpt", "value": "5"}], "system": "", "tools": "[]"}

`human` and `observation` stand at odd places, `gpt` and `function_call` at even ones: it skips a row in which they do not.
Source: LLaMA-Factory, data/README.md, src/llamafactory/data/{converter,formatter}.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.chats import UNPROVEN, Chat, Said, called, chats, joined, spoken, thought
from eagdata.records import Json

_HEARD = {"user": "human", "tool": "observation"}


class ShareGptExporter:
    """Conversations for LLaMA-Factory and whatever else reads ShareGPT."""

    @settings
    class Config:
        pass

    reads: ClassVar[Literal["trajectories", "traces"]] = "trajectories"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (
        UNPROVEN,
        "reasoning and words apart: both stand between <think> marks before a tool call, the reasoning alone elsewhere",
        "the id that links an observation to its tool call",
    )
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            ("conversations", pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))),
            ("system", pa.string()),
            ("tools", pa.string()),
        ]
    )

    def __init__(self, config: Config) -> None:
        pass

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per trajectory. Raises: RecipeError for a row that is none."""
        for _, chat in chats(source):
            tools: list[Any] = [tool.get("function", tool) if isinstance(tool, dict) else tool for tool in chat.tools]
            yield {
                "conversations": _turns(chat),
                "system": joined(*(message["content"] for message in chat.messages if message["role"] == "system")),
                "tools": json.dumps(tools, ensure_ascii=False) if tools else "",
            }


def _turns(chat: Chat) -> list[Json]:
    """Neighbours become one turn, so that the sides alternate; but not tool calls, which would be no JSON."""
    turns: list[dict[str, Any]] = []
    for message in chat.messages:
        if message["role"] == "system":
            continue
        role, value = _turn(message)
        if turns and turns[-1]["from"] == role != "function_call":
            turns[-1]["value"] = joined(turns[-1]["value"], value)
        else:
            turns.append({"from": role, "value": value})
    return [*turns]


def _turn(message: Said) -> tuple[str, str]:
    if message["role"] in _HEARD:
        return _HEARD[message["role"]], message["content"]
    if not message.get("tool_calls"):
        return "gpt", spoken(message)
    calls = [called(call) for call in message["tool_calls"]]
    words = thought(joined(message.get("reasoning_content", ""), message["content"]))
    return "function_call", joined(words, calls[0] if len(calls) == 1 else f"[{', '.join(calls)}]")
