"""Instructions and outputs, earlier turns as `history`.

    {"instruction": "and 3+4?", "input": "", "output": "7", "system": "", "history": [["2+3?", "5"]]}

Source: LLaMA-Factory, data/README.md (alpaca format); `history` is its addition to Stanford's three columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal, cast

import pyarrow as pa

from eagdata.contracts import settings
from eagdata.exporters.chats import UNPROVEN, chats
from eagdata.records import Json


class AlpacaExporter:
    """Instruction, input, output, system and history, as LLaMA-Factory reads them."""

    @settings
    class Config:
        pass

    reads: ClassVar[Literal["trajectories", "traces"]] = "trajectories"
    documents: ClassVar[bool] = False
    cannot: ClassVar[tuple[str, ...]] = (
        UNPROVEN,
        "tools: a call is text between <tool_call> marks, its observation an instruction",
        "several turns, for readers that leave out `history`: they see the last observation and the final answer alone",
    )
    schema: ClassVar[pa.Schema] = pa.schema(
        [
            *((name, pa.string()) for name in ("instruction", "input", "output", "system")),
            ("history", pa.list_(pa.list_(pa.string()))),
        ]
    )

    def __init__(self, config: Config) -> None:
        pass

    def rows(self, source: Iterable[Mapping[str, Json]]) -> Iterator[dict[str, Json]]:
        """One row per trajectory. Raises: RecipeError for a row that is none."""
        for _, chat in chats(source):
            system, pairs = chat.exchanges()
            asked, answered = pairs[-1]
            yield {"instruction": asked, "input": "", "output": answered, "system": system, "history": cast("list[Json]", pairs[:-1])}
