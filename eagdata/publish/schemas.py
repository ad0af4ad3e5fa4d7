"""The Arrow schemas of the published tables. Written out, never inferred: shards cannot drift apart.

Open-ended structures are JSON strings. Every column may be null: null means unknown, never zero.
"""

from __future__ import annotations

import pyarrow as pa

_TOOL_CALL = pa.struct(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("function", pa.struct([("name", pa.string()), ("arguments", pa.string())])),
    ]
)
_MESSAGE = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("reasoning_content", pa.string()),
        ("tool_calls", pa.list_(_TOOL_CALL)),
        ("tool_call_id", pa.string()),
        ("name", pa.string()),
    ]
)
_TURN = pa.struct(
    [
        ("index", pa.int32()),
        ("node", pa.int32()),
        ("parent", pa.int32()),
        ("thought", pa.string()),
        ("action", pa.string()),
        ("kind", pa.string()),
        ("observation", pa.string()),
        ("status", pa.string()),
        ("duration_ms", pa.float64()),
        ("digest", pa.string()),
    ]
)
_SPANS = ("total", "prompt", "thought", "action", "observation", "answer")
_TOKENS = pa.struct([("tokenizer", pa.string()), *((span, pa.int32()) for span in _SPANS)])


def _columns(names: str, kind: pa.DataType) -> list[tuple[str, pa.DataType]]:
    return [(name, kind) for name in names.split()]


SCHEMA = pa.schema(
    [
        *_columns("id trace_id task_id task_key source license family split subset environment environment_version", pa.string()),
        *_columns("question answer final_answer", pa.string()),
        ("messages", pa.list_(_MESSAGE)),
        ("loss", pa.list_(pa.bool_())),
        ("tools", pa.string()),
        ("turns", pa.list_(_TURN)),
        *_columns("task verdict checks", pa.string()),
        ("replay_runs", pa.int32()),
        ("replay_digest", pa.string()),
        *_columns("n_turns n_actions n_errors n_branches n_backtracks n_siblings_failed", pa.int32()),
        ("solve_rate", pa.float64()),
        ("tokens", _TOKENS),
        *_columns("linearization teacher sampling isolation", pa.string()),
        ("cost_usd", pa.float64()),
        ("seed", pa.int64()),
        *_columns("plan_digest eagdata_version created_at", pa.string()),
    ]
)
"""One row per verified trajectory. JSON: `tools`, `task`, `checks`, `sampling`. `created_at`: ISO 8601, UTC."""

TRACES_SCHEMA = pa.schema(
    [
        *_columns("id task_id task_key source family", pa.string()),
        *_columns("n_nodes n_branches n_verified", pa.int32()),
        *_columns("failure stopped search teacher isolation prompt trace plan_digest eagdata_version", pa.string()),
    ]
)
"""One row per trace. JSON: `failure` (null for none), `prompt` (the messages before the first turn) and `trace`, the whole tree."""

REJECTED_SCHEMA = pa.schema(_columns("id trace_id task_id family stage reason evidence answer final_answer trace", pa.string()))
"""One row per drop. JSON: `trace`, null where the tree is kept in `traces`."""

DROPPED_SCHEMA = pa.schema([("row", pa.int64()), *_columns("id task source family stage reason evidence", pa.string())])
"""One row per row that a curation dropped. `row`: its place in the whole input, from 0. JSON: `evidence`."""
