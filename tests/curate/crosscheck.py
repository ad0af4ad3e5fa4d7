"""Real sets of questions against each other and within themselves: every finding in full, to be judged by eye.

python -m tests.curate.crosscheck DATA_FOLDER, where gsm8k_train.jsonl, svamp.jsonl and aqua.jsonl lie.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from eagdata.curate.contamination import ContaminationStage
from eagdata.curate.near import NearStage
from tests.curate.staging import Document, decide

SETS = ("gsm8k_train", "svamp", "aqua")


def questions(folder: Path, name: str) -> dict[str, str]:
    """By id."""
    rows = map(json.loads, filter(None, (folder / f"{name}.jsonl").read_text().split("\n")))
    return {row["id"]: row["question"] for row in rows}


def documents(asked: dict[str, str]) -> list[Document]:
    return [{"id": key, "problem": question} for key, question in asked.items()]


def leaks(folder: Path, name: str) -> Iterator[str]:
    """Each question of the set that another set has: both texts and the evidence."""
    mine = documents(questions(folder, name))
    others = {other: questions(folder, other) for other in SETS if other != name}
    config = ContaminationStage.Config(against=tuple(str(folder / f"{other}.jsonl") for other in others))
    for drop in decide(ContaminationStage(config), mine, shard_rows=1000).drops.to_pylist():
        evidence = json.loads(drop["evidence"])
        theirs = others[evidence["benchmark"]][evidence["item"]]
        yield f"{mine[drop['row']]['id']}: {mine[drop['row']]['problem']}\n{evidence['item']}: {theirs}\n{drop['evidence']}\n"


def copies(folder: Path, name: str) -> Iterator[str]:
    """Each question of the set that it has nearly so again: both texts and the evidence."""
    asked = questions(folder, name)
    mine = documents(asked)
    for drop in decide(NearStage(NearStage.Config(key="problem")), mine, shard_rows=1000).drops.to_pylist():
        stays = json.loads(drop["evidence"])["survivor"]
        yield f"{mine[drop['row']]['id']}: {mine[drop['row']]['problem']}\n{stays}: {asked[stays]}\n{drop['evidence']}\n"


def main(folder: Path) -> None:
    for name in SETS:
        for what, found in (("questions of the others", list(leaks(folder, name))), ("near copies", list(copies(folder, name)))):
            sys.stdout.write("\n".join([f"== {name}: {len(found)} {what}\n", *found, ""]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
