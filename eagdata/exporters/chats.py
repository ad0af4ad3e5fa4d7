"""Rows of `trajectories` as chats, and the pieces that linear formats share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
import pyarrow as pa

from eagdata.errors import RecipeError
from eagdata.records import Json

Said = dict[str, Any]  # a chat message as JSON: its keys depend on its role
MESSAGES = pa.list_(pa.json_())
"""Type of a column of messages or tools: JSON, which `datasets` 4.7 and later reads as the very objects that were written. A struct would
give each message every key, most of them null, and chat templates that test for a key take it for there."""
_TASK = ("task", "task_id", "task_key", "source", "license", "family", "split", "environment", "question", "answer")
COLUMNS = frozenset((*_TASK, "id", "subset", "final_answer", "messages", "loss", "tools", "verdict", "solve_rate", "teacher"))
"""What an export may need of a row."""
UNPROVEN = "what `eagdata verify` needs: the task, the turns, the verdict"


@dataclass(frozen=True, slots=True)
class Chat:
    """The messages of one trajectory."""

    id: str
    messages: Sequence[Said]
    """With the keys that say something and no others; the arguments of a tool call are an object, as TRL and transformers want them."""
    loss: Sequence[bool]
    tools: list[Json]
    """OpenAI function schemas."""

    @property
    def replied_at(self) -> int:
        """Where the first reply stands: what is before it is the prompt. Raises: RecipeError if there is none."""
        for place, message in enumerate(self.messages):
            if message["role"] == "assistant":
                return place
        raise RecipeError(f"row {self.id!r} holds no reply", why="no message of it is the assistant's", mend="take the row out")

    def exchanges(self) -> tuple[str, list[list[str]]]:
        """The system prompt, and what was said to the assistant with what it answered. Neighbours of one side are joined.

        Raises: RecipeError if there is no reply.
        """
        system, pairs = "", [["", ""]]
        for message in self.messages[: self.replied_at]:
            if message["role"] == "system":
                system = joined(system, message["content"])
        for message in self.messages:
            if message["role"] == "assistant":
                pairs[-1][1] = joined(pairs[-1][1], spoken(message))
            elif message["role"] != "system":
                if pairs[-1][1]:
                    pairs.append(["", ""])
                pairs[-1][0] = joined(pairs[-1][0], message["content"])
        return system, pairs


def chats(source: Iterable[Mapping[str, Json]]) -> Iterator[tuple[Mapping[str, Any], Chat]]:  # Any: columns of many types
    """Each row with its chat. Raises: RecipeError for a row that is no trajectory."""
    for row in cast("Iterable[Mapping[str, Any]]", source):
        try:
            if missing := COLUMNS - row.keys():
                raise KeyError(*sorted(missing))
            messages = [_sparse(message) for message in row["messages"]]
            chat = Chat(str(row["id"]), messages, [bool(one) for one in row["loss"]], json.loads(row["tools"] or "[]"))
        except (KeyError, TypeError, ValueError) as error:
            raise RecipeError(
                f"row {row.get('id')!r} is no trajectory of eagdata",
                why=f"{type(error).__name__}: {error}",
                mend="give `data/trajectories` of a run, with all its columns",
            ) from error
        yield row, chat


def spoken(message: Said) -> str:
    """A reply as one text: reasoning between `<think>` marks, then the words, then each tool call between `<tool_call>` marks.

    Source of the marks: the chat templates of DeepSeek-R1 and of Qwen2.5.
    """
    calls = (f"<tool_call>\n{called(call)}\n</tool_call>" for call in message.get("tool_calls", ()))
    return joined(thought(message.get("reasoning_content", "")), message["content"], *calls)


def thought(text: str) -> str:
    """Reasoning between its marks; nothing stays nothing."""
    return f"<think>\n{text}\n</think>" if text else ""


def called(call: Said) -> str:
    """A tool call as JSON text."""
    return json.dumps({key: call["function"][key] for key in ("name", "arguments")}, ensure_ascii=False)


def joined(*texts: str) -> str:
    """The texts that are not empty, with an empty line between them."""
    return "\n\n".join(text for text in texts if text)


def _sparse(message: Mapping[str, Any]) -> Said:
    found = {"role": message["role"], "content": message["content"] or ""}
    found |= {key: message[key] for key in ("reasoning_content", "tool_call_id", "name") if message.get(key) is not None}
    if message.get("tool_calls"):
        found["tool_calls"] = [
            {"id": call["id"], "type": "function", "function": {"name": call["function"]["name"], "arguments": _arguments(call)}}
            for call in message["tool_calls"]
        ]
    return found


def _arguments(call: Mapping[str, Any]) -> Json:
    """The object that the model wrote; its text where it wrote none, or one that not every reader would read alike (NaN, 30 digits)."""
    text = cast("str", call["function"]["arguments"])
    try:
        value: Json = json.loads(text)
        return value if isinstance(value, dict) and orjson.loads(orjson.dumps(value)) == value else text
    except (ValueError, TypeError, RecursionError):
        return text
