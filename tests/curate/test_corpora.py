"""The documents that the curation benchmark judges by are what their truth says."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
Row = dict[str, object]

pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="an installed eagdata has no benchmarks")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 600 documents and the leaks put into them."""
    folder = tmp_path_factory.mktemp("corpus")
    generate(folder, seed=3)
    return folder


def generate(folder: Path, *, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import corpora
        import leaks

        corpora.write(folder, documents=600, seed=seed)
        leaks.write(folder, seed=seed, questions=500)


def rows(path: Path) -> dict[str, Row]:
    return {row["id"]: row for row in pq.read_table(path).to_pylist()}


def runs(text: object, size: int) -> set[str]:
    words = str(text).split()
    return {"\0".join(words[i : i + size]) for i in range(len(words) - size + 1)}


def words(text: object) -> str:
    """Letters and digits alone, in lower case."""
    return " ".join(re.findall(r"[^\W_]+", str(text).lower()))


def similarity(one: Row, other: Row) -> float:
    a, b = runs(one["text"], 5), runs(other["text"], 5)
    return len(a & b) / len(a | b)


def test_the_stated_similarity_of_a_pair_is_that_of_its_texts(made: Path) -> None:
    documents = rows(made / "text.parquet")
    pairs = [row for row in rows(made / "truth.parquet").values() if row["original"]]
    assert len(pairs) == 600 * 20 // 100
    for row in pairs:
        assert similarity(documents[str(row["id"])], documents[str(row["original"])]) == pytest.approx(row["jaccard"])


def test_near_copies_are_as_alike_as_they_were_planted_and_no_pair_is_in_doubt(made: Path) -> None:
    near = [row for row in rows(made / "truth.parquet").values() if row["kind"] == "near"]
    assert {(row["target"], row["edit"]) for row in near} == {
        (target, edit) for target in (0.95, 0.9, 0.8, 0.7, 0.5) for edit in ("words", "tail", "insertion")
    }
    for row in near:
        assert row["jaccard"] == pytest.approx(row["target"], abs=0.04)
        assert (row["jaccard"] >= 0.8) == (row["target"] >= 0.8)


def test_a_copy_has_the_problem_of_its_original_and_nobody_else_has(made: Path) -> None:
    documents, truth = rows(made / "both.parquet"), rows(made / "truth.parquet")
    problems = Counter(row["problem"] for row in documents.values())
    for name, row in truth.items():
        if row["original"]:
            assert documents[name]["problem"] == documents[row["original"]]["problem"]
            assert problems[documents[name]["problem"]] == 2
    assert len(problems) == 600 - 600 * 20 // 100


def test_members_of_two_families_look_alike_and_none_is_a_copy(made: Path) -> None:
    truth = rows(made / "truth.parquet").values()
    for kind, low, high in (("arith", 0.0, 0.3), ("bfs", 0.0, 0.3), ("boiler", 0.8, 0.95), ("wordy", 0.8, 0.95)):
        closest = [row["jaccard"] for row in truth if row["kind"] == kind]
        assert len(closest) == 15
        assert all(low <= value < high for value in closest)


def test_the_sample_holds_a_pair_whole_or_not_at_all(made: Path) -> None:
    sample = rows(made / "sample.parquet").keys()
    for name, row in rows(made / "truth.parquet").items():
        assert not row["original"] or (name in sample) == (row["original"] in sample)
    assert 100 < len(sample) < 200


def test_every_leak_is_thirteen_words_of_a_question_but_those_of_eight_words(made: Path) -> None:
    questions = [json.loads(line)["question"] for line in (made / "questions.jsonl").read_text().splitlines()]
    eight = {run for question in questions for run in runs(question, 8)}
    thirteen = {run for question in questions for run in runs(words(question), 13)}
    documents, kinds = rows(made / "leaked.parquet"), rows(made / "leaks.parquet")
    counts = Counter(row["kind"] for row in kinds.values())
    assert counts == {"verbatim": 10, "changed": 10, "13 words": 10, "8 words": 10, "stem": 12}
    for name, row in documents.items():
        kind = kinds[name]["kind"] if name in kinds else None
        assert bool(runs(words(row["text"]), 13) & thirteen) == (kind in ("verbatim", "changed", "13 words"))
        assert runs(row["text"], 8) & eight or kind in (None, "changed", "13 words")


def test_the_same_seed_gives_the_same_documents_and_another_seed_others(made: Path, tmp_path: Path) -> None:
    generate(tmp_path / "again", seed=3)
    generate(tmp_path / "other", seed=4)
    for name in ("text.parquet", "truth.parquet", "leaked.parquet"):
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes()
    assert (tmp_path / "other" / "text.parquet").read_bytes() != (made / "text.parquet").read_bytes()
