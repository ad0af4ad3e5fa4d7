"""Leaks of benchmark questions: found wherever they stand, and equal to what a slow oracle finds; stems are not leaks."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagdata.contracts import Decisions
from eagdata.curate.contamination import ContaminationStage
from tests.curate import crosscheck
from tests.curate.contamination_oracle import Oracle
from tests.curate.staging import decide, kept

STEM = "This ratio can be written as $m/n$ where $m$ and $n$ are relatively prime positive integers. Find $m+n$."
QUESTIONS = (
    f"A fair die is rolled until the sum of all rolls is at least 10, and the last roll is then thrown away by Dora. {STEM}",
    "Every morning Aya goes for a 9 kilometre walk and stops at a coffee shop afterwards. When she walks at s kilometres per hour, the "
    "walk takes her 4 hours, including t minutes spent in the shop. How many minutes does the walk take her at s plus one half?",
    "小明有三百二十五个苹果，他把其中的一半送给了住在隔壁的小红，请问现在小明还剩下多少个苹果？",
    "What is 2+2=?",
    "Compute $\\sin 60^\\circ$.",
    "Solve for x.",
    "How far is it from the old mill to the new bridge?",
)
INNOCENT = (
    "Bela paints 12 chairs in 3 days and Cem paints twice as many tables in a week; who needs more paint in the end, and by how much?"
)


def stage(folder: Path, *benchmarks: Sequence[str], **changes: Any) -> ContaminationStage:
    against = []
    for number, questions in enumerate(benchmarks):
        file = folder / f"b{number}.jsonl"
        file.write_text("".join(json.dumps({"id": f"q{i}", "question": question}) + "\n" for i, question in enumerate(questions)))
        against.append(str(file))
    return ContaminationStage(ContaminationStage.Config(**{"against": tuple(against), **changes}))


def rows(decisions: Decisions) -> list[int]:
    found: list[int] = decisions.drops["row"].to_pylist()
    return found


def evidence(decisions: Decisions) -> list[dict[str, Any]]:
    return [json.loads(one) for one in decisions.drops["evidence"].to_pylist()]


def of_benchmark(decisions: Decisions, name: str) -> dict[str, Any]:
    reports: Any = decisions.report["benchmarks"]
    found: dict[str, Any] = reports[name]
    return found


def dropped(folder: Path, problem: str | None, text: str | None = None) -> bool:
    return bool(rows(decide(stage(folder, QUESTIONS), [{"problem": problem, "text": text}])))


@pytest.mark.parametrize("question", [QUESTIONS[0], QUESTIONS[1], QUESTIONS[2], QUESTIONS[6]])
def test_a_question_is_found_in_other_case_punctuation_and_lines(tmp_path: Path, question: str) -> None:
    assert dropped(tmp_path, question)
    assert dropped(tmp_path, question.upper().replace("$", "").replace(", ", "\n"))
    assert dropped(tmp_path, f"Solve this task. {question} Put the answer in a box.")


def test_a_long_question_is_found_in_the_text_too(tmp_path: Path) -> None:
    found = decide(stage(tmp_path, QUESTIONS), [{"problem": "Help me.", "text": f"As we saw, {QUESTIONS[1]} So it goes."}])
    assert [(one["field"], one["rule"], one["item"], one["coverage"]) for one in evidence(found)] == [("text", "whole", "q1", 1.0)]


def test_a_renumbered_question_is_a_leak_and_the_evidence_names_what_they_share(tmp_path: Path) -> None:
    problem = QUESTIONS[1].replace("9 kilometre", "11 kilometre").replace("4 hours", "5 hours")
    found = decide(stage(tmp_path, QUESTIONS), [{"problem": INNOCENT}, {"problem": problem}])
    assert rows(found) == [1]
    (one,) = evidence(found)
    assert (one["benchmark"], one["item"], one["rule"], one["documents"]) == ("b0", "q1", "ngram", 1)
    assert one["ngram"] == "kilometre walk and stops at a coffee shop afterwards when she walks at"
    assert 0.8 < one["coverage"] < 1
    assert 0.9 < one["ratio"] < 1


def test_a_stem_alone_is_reported_and_not_dropped(tmp_path: Path) -> None:
    found = decide(stage(tmp_path, QUESTIONS), [{"problem": f"A box is 3 by 5 by 8. {STEM}"}, {"problem": INNOCENT}])
    assert rows(found) == []
    report = of_benchmark(found, "b0")
    assert (report["items"], report["flagged"], report["dropped"], report["unconfirmed"]) == (7, 0, 0, 1)
    assert report["unconfirmed_examples"][0]["ngram"] == "this ratio can be written as m n where m and n are"


def test_a_template_is_no_leak_of_its_sibling_but_the_same_numbers_are(tmp_path: Path) -> None:
    def sibling(hens: int, eggs: int) -> str:
        return f"A farmer has {hens} hens and each of them lays {eggs} eggs in every week of the long and sunny summer. How many eggs?"

    found = decide(stage(tmp_path, [sibling(i, i + 3) for i in range(20, 30)]), [{"problem": sibling(i, 28)} for i in range(30)])
    assert rows(found) == [25]


@pytest.mark.parametrize(
    "problem",
    ["What is 2+2=?", "Dear all: what is 2 + 2 = ? Thanks.", "Question:\nCompute $\\sin 60^\\circ$.", "Compute sin 60^circ", "Solve for x"],
)
def test_a_short_question_is_found_as_a_sentence(tmp_path: Path, problem: str) -> None:
    assert dropped(tmp_path, problem)


@pytest.mark.parametrize(
    "problem",
    [
        "What is 2+2=4?",
        "What is 2-2=?",
        "Tell me what is 12+2=?",
        "Compute $\\sin 60^\\circ \\cos 30^\\circ$.",
        "Solve for x. 3x = 9",
        "x = 2.2",
        "What is 2+2=.5 of?",
    ],
)
def test_a_short_question_within_a_longer_one_is_not(tmp_path: Path, problem: str) -> None:
    assert not dropped(tmp_path, problem)


def test_a_slice_is_enough_where_a_large_corpus_would_have_shown_a_stem(tmp_path: Path) -> None:
    thirteen = " ".join(QUESTIONS[1].split()[3:18])
    innocent = [f"Problem {number} asks for nothing." for number in range(1000)]
    stems = [f"Case {number}: {STEM}" for number in range(30)]
    problems = [*innocent, *stems, f"{INNOCENT} {thirteen} {INNOCENT}", " ".join(thirteen.split()[:9])]
    found = decide(stage(tmp_path, QUESTIONS[:2], common=1), [{"problem": problem} for problem in problems], shard_rows=500)
    assert rows(found) == [1030]
    small = decide(stage(tmp_path, QUESTIONS[:2], common=1), [{"problem": problem} for problem in problems[500:]], shard_rows=500)
    assert rows(small) == []


def test_flags_stand_per_benchmark_where_nothing_is_dropped(tmp_path: Path) -> None:
    made = stage(tmp_path, QUESTIONS[:1], QUESTIONS[1:], drop=False, most=0.5)
    found = decide(made, [{"problem": QUESTIONS[0]}, {"problem": QUESTIONS[1]}, {"problem": INNOCENT}])
    assert found.columns is not None
    assert found.columns["contaminated_b0"].to_pylist() == [True, False, False]
    assert found.columns["contaminated_b1"].to_pylist() == [False, True, False]
    assert [one and json.loads(one)["benchmark"] for one in found.columns["contamination"].to_pylist()] == ["b0", "b1", None]
    assert found.drops.num_rows == 0
    assert found.report["missed"] == ["2 of 3 documents hold questions of benchmarks: more than 50.00%"]


def test_rows_that_stay_when_others_go_are_not_contaminated(tmp_path: Path) -> None:
    found = decide(stage(tmp_path, QUESTIONS), [{"problem": INNOCENT}, {"problem": QUESTIONS[0]}])
    assert found.columns is not None
    assert found.columns.to_pydict() == {"row": [0], "contaminated_b0": [False]}
    assert found.report["missed"] == []


def test_words_that_agree_in_all_that_is_hashed_are_still_told_apart(tmp_path: Path) -> None:
    ours, theirs = (" ".join(f"{'w' * 64}{number:02}{tail}" for number in range(20)) for tail in "ab")
    assert rows(decide(stage(tmp_path, [ours]), [{"problem": theirs}, {"problem": ours}])) == [1]


def test_ngrams_do_not_reach_from_one_document_into_the_next(tmp_path: Path) -> None:
    cut = QUESTIONS[1].split()
    found = decide(stage(tmp_path, QUESTIONS), [{"problem": " ".join(cut[:7])}, {"problem": " ".join(cut[7:14])}])
    report = of_benchmark(found, "b0")
    assert (report["flagged"], report["unconfirmed"]) == (0, 0)


def test_one_short_ngram_of_a_long_question_is_too_little_of_it(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(60)]
    spoilt = [word if number == 24 or number % 6 else "other" for number, word in enumerate(words)]
    found = [decide(stage(tmp_path, [" ".join(words)], coverage=least), [{"problem": " ".join(spoilt)}]) for least in (0.2, 0.1)]
    assert [rows(one) for one in found] == [[], [0]]


VOCABULARY = ["the", "of", "a", "7", "12", "box", "hens", "x", "é", "苹", "果", "how", "many"]
LINES = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=26)


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[list[str]], list[tuple[str | None, str | None]]]:
    """Benchmarks over few words, and documents made of whole questions, slices of them and other words, in other spellings."""
    benchmarks = draw(st.lists(st.lists(LINES, min_size=1, max_size=5), min_size=1, max_size=2))
    every = [question for one in benchmarks for question in one]

    def piece() -> list[str]:
        line = list(draw(st.sampled_from([*every, draw(LINES)])))
        match draw(st.sampled_from(["whole", "slice", "changed"])):
            case "slice":
                start = draw(st.integers(0, len(line) - 1))
                line = line[start : start + draw(st.sampled_from([8, 9, 13, 15]))]
            case "changed":
                line[draw(st.integers(0, len(line) - 1))] = "11"
        return line

    def text() -> str | None:
        if draw(st.integers(0, 5)) == 0:
            return None
        spelt = draw(st.sampled_from([" ", "\n", ", ", " $ "]))
        parts = [spelt.join(piece()) for _ in range(draw(st.integers(1, 3)))]
        made = draw(st.sampled_from([". ", " ", "\n"])).join(parts)
        return made.upper() if draw(st.booleans()) else made

    documents = [(text(), text()) for _ in range(draw(st.integers(1, 6)))]
    return [[" ".join(question) + "?" for question in one] for one in benchmarks], documents


@settings(max_examples=120, deadline=None)
@given(corpora(), st.integers(1, 2))
def test_what_is_flagged_is_what_a_slow_oracle_finds(
    made: tuple[list[list[str]], list[tuple[str | None, str | None]]], common: int
) -> None:
    benchmarks, documents = made
    with tempfile.TemporaryDirectory() as folder:
        checked = stage(Path(folder), *benchmarks, common=common, drop=False)
        found = decide(checked, [{"problem": problem, "text": text} for problem, text in documents])
    assert found.columns is not None
    flags = [found.columns[f"contaminated_b{group}"].to_pylist() for group in range(len(benchmarks))]
    ours = {row: {group for group, flag in enumerate(flags) if flag[row]} for row in range(len(documents))}
    theirs = Oracle(benchmarks, common=common).flagged(documents)
    assert {row: groups for row, groups in ours.items() if groups} == theirs


def planted(seed: int) -> tuple[list[str], list[str]]:
    """30 questions, and 160 problems: innocents, innocents with a stem, and every kind of leak of some questions."""
    draw = random.Random(seed)
    vocabulary = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(1, 12))) for _ in range(400)]

    def line(count: int) -> str:
        return " ".join(draw.choice(vocabulary) for _ in range(count))

    questions = [f"{line(draw.randint(3, 60))} {STEM if i % 3 else ''}" for i in range(30)]
    problems = [f"{line(40)} {STEM if i % 2 else ''}" for i in range(100)]
    for question in questions[:12]:
        cut = question.split()
        eights = " ".join(f"{line(3)} {' '.join(cut[at : at + 8])}" for at in range(0, len(cut), 8))
        problems += [
            f"{line(9)}. {question}. {line(9)}",
            question.upper().replace(" ", ",\n"),
            f"{line(30)} {' '.join(cut[:13])} {line(30)}",
        ]
        problems += [eights, f"{line(30)} {' '.join(cut[2:10])} {line(30)}"]
    return questions, problems


@pytest.mark.parametrize("seed", range(2))
def test_planted_leaks_are_those_that_a_slow_oracle_finds(tmp_path: Path, seed: int) -> None:
    questions, problems = planted(seed)
    found = rows(decide(stage(tmp_path, questions), [{"problem": problem} for problem in problems], shard_rows=50))
    assert set(found) == set(Oracle([questions]).flagged([(problem, None) for problem in problems]))
    assert not set(found) & set(range(100))
    whole = {100 + 5 * i + kind for i in range(12) for kind in (0, 1) if kind == 0 or len(questions[i].split()) >= 13}
    assert whole <= set(found)


@pytest.mark.parametrize("seed", range(3))
def test_order_does_not_matter_and_a_second_run_finds_nothing(tmp_path: Path, seed: int) -> None:
    questions, problems = planted(seed)
    documents: list[dict[str, object]] = [{"problem": problem} for problem in problems]
    made = stage(tmp_path, questions, common=2)
    left = [one["problem"] for one in kept(made, documents, shard_rows=40)]
    mixed = random.Random(seed).sample(documents, len(documents))
    assert sorted(map(str, left)) == sorted(str(one["problem"]) for one in kept(made, mixed, shard_rows=7))
    assert rows(decide(made, [{"problem": problem} for problem in left])) == []


def hostile() -> Iterator[str]:
    yield from (
        "",
        " " * 10**6,
        "a" * 10**6,
        "a " * 500_000,
        "\0" * 10**6,
        "2+2=? " * 150_000,
        "e" + "\u0301\u0316" * 150_000,
        "苹" * 300_000,
    )
    yield from ("word", "." * 10**6, "how far is it from the old mill to the " * 25_000, "\ufdfa" * 50_000, "🤖 " * 200_000)


def test_hostile_texts_cost_what_their_size_does(tmp_path: Path) -> None:
    questions = (*QUESTIONS, "a " * 40, "苹" * 30, "a", "\0", "e\u0301\u0316" * 20)
    made = stage(tmp_path, questions)
    began = time.process_time()
    rows(decide(made, [{"problem": text, "text": text} for text in hostile()]))
    assert time.process_time() - began < 120  # quadratic: hours


@pytest.mark.parametrize("settings", [{"against": ()}, {"n": 7}, {"n_evidence": 1}, {"ratio": 1.1}, {"common": 0}, {"most": 0.1}])
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ContaminationStage.Config(**{"against": ("x.txt",), **settings})


REAL = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real sets are not here")
def test_three_real_sets_share_no_question() -> None:
    assert [list(crosscheck.leaks(REAL, name)) for name in crosscheck.SETS] == [[], [], []]
