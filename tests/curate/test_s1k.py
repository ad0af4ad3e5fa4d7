"""recipes/s1k.yaml on rows of s1's shape, each stage against a plain implementation of the same rule."""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache
from typing import Any, cast

import numpy as np
import pytest

from eagdata.contracts import Decisions
from eagdata.curate.diversity import Draws, draw
from eagdata.curate.pool import Pool
from eagdata.recipe import read_curation
from eagdata.registry import plugin_class
from tests.curate.staging import Document, decide

AIME, GPQA, MATH = "qq8933/AIME_1983_2024", "Idavidrein/gpqa", "qfq/openaimath/Precalculus"
SOURCES = (AIME, GPQA, MATH, "AI-MO/NuminaMath-CoT/aops_forum", "TIGER-Lab/TheoremQA/float", "other/gpqa", "AIME_like")
DOMAINS = ("Geometry", "Number theory", "Combinatorics", "Biology", "Quantum theory", "Real functions", "Mechanics")
FEATURES = ("domain", "gemini_length", "gemini_correct", "qwen7b_correct", "qwen32b_correct")
PLANTED = (
    "[asy] draw((0,0)--(1,1)); [/asy] Find x.",
    "[asy] dot(0); [/asy] p3. ![Image](u)",
    "See ![Image](u).",
    "p1. Find x.",
    "p999.",
    "p1000. is fine",
    "p0. is fine",
    "sup3.5 is not",
    "**Problem4.7.** Find x",
    "**Problem** 12",
    "**two words 12** are fine",
    "12 **Problem**\n12 is fine",
    "**a]1** is fine",
)


@cache
def rows() -> tuple[Document, ...]:
    """3,040 rows in the shape of s1's, every case of every rule among them."""
    stream = random.Random(59029)
    made: list[Document] = []
    for i in range(3000):
        source = stream.choice(SOURCES)
        row: dict[str, object] = {
            "problem": f"Question {i}: " + (stream.choice(PLANTED) if stream.random() < 0.2 else "find x."),
            "answer": str(i), "text": f"thinking {i}", "source_type": source,
            "domain": stream.choices(DOMAINS, weights=[2.0**-k for k in range(len(DOMAINS))])[0],
            "gemini_length": stream.randrange(200, 20_000), "gemini_correct": stream.random() < 0.4,
            "qwen7b_correct": stream.random() < 0.2, "qwen32b_correct": stream.random() < 0.3,
            "thinking_trajectories": stream.choices([[f"thinking {i}"], None, [], [""]], weights=[97, 1, 1, 1])[0],
        }  # fmt: skip
        if stream.random() < 0.08:
            row[stream.choice(FEATURES)] = None
        # As s1's rows are read: what was thought, then the answer.
        traces = [trace for trace in cast("list[str]", row["thinking_trajectories"] or ()) if trace]
        row["turns"] = [{"role": "thought", "text": trace, "status": None} for trace in traces]
        row["turns"] += [{"role": "answer", "text": str(i), "status": None}]
        made.append(row)
    # The same question again, with another trace.
    made += [{**row, "problem": str(row["problem"]).upper(), "text": "short"} for row in made[:40]]
    return tuple(made)


def funnel(documents: list[Document], *, seed: int) -> list[tuple[list[Document], Decisions]]:
    """What each stage of the recipe leaves of what the one before it left, and what it decided."""
    left, found = documents, []
    for kind, config in read_curation("s1k").stages:
        came = decide(plugin_class("curation", kind)(config), left, shard_rows=700, seed=seed)
        gone = set(came.drops["row"].to_pylist())
        left = [document for i, document in enumerate(left) if i not in gone]
        found.append((left, came))
    return found


FUNNEL = cache(lambda seed: funnel(list(rows()), seed=seed))


def has_trace(row: Document) -> bool:
    return bool(row["thinking_trajectories"]) and any(row["thinking_trajectories"])  # type: ignore[call-overload]


def has_features(row: Document) -> bool:
    return all(row[feature] is not None for feature in FEATURES)


def reads_well(row: Document) -> bool:
    question = str(row["problem"])
    strange = "[asy]" in question or "![Image]" in question or any(f"p{i}." in question for i in range(1, 1000))
    if not strange and not re.search(r"\*\*(?=.*\d)[^\s\]]*\*\*", question):
        return True
    return "[asy]" in question and "AIME" in str(row["source_type"])


def is_hard(row: Document) -> bool:
    return not (row["qwen7b_correct"] or row["qwen32b_correct"])


def is_picked(row: Document) -> bool:
    if not row["gemini_correct"]:
        return False
    return row["source_type"] in (AIME, GPQA) or ("qfq/openaimath" in str(row["source_type"]) and int(row["gemini_length"]) > 5600)  # type: ignore[call-overload]


@pytest.mark.parametrize(("place", "rule"), list(enumerate([has_trace, has_features, reads_well, is_hard])))
def test_a_stage_drops_what_a_plain_implementation_drops(place: int, rule: Any) -> None:
    before, (after, came) = FUNNEL(0)[place][0], FUNNEL(0)[place + 1]
    assert after == [row for row in before if rule(row)]
    assert 0 < came.drops.num_rows < len(before)


def test_a_question_that_is_there_twice_stays_once() -> None:
    left, came = FUNNEL(0)[0]
    assert came.drops.num_rows == 40
    assert len({str(row["problem"]).upper() for row in left}) == len(left) == 3000


def test_every_string_pattern_is_a_reason_that_was_met() -> None:
    _, came = FUNNEL(0)[3]
    reasons = Counter(came.drops["reason"].to_pylist())
    assert set(reasons) == {"asy_figure", "image_link", "numbered", "bold_number"}
    _, came = FUNNEL(0)[2]
    assert set(came.drops["reason"].to_pylist()) == {"no_domain", "no_length", "not_graded"}


def test_a_thousand_rows_are_left_every_pick_among_them() -> None:
    before, (after, came) = FUNNEL(0)[4][0], FUNNEL(0)[5]
    assert (len(after), came.report["missed"]) == (1000, [])
    picked = [row for row in before if is_picked(row)]
    assert came.report["picked"] == len(picked) > 50
    assert all(row in after for row in picked)
    tally = came.report["draws"]
    assert tally["uniform"] + tally["mix"] == 1000 - len(picked) + tally["taken_before"]  # type: ignore[index, call-overload, operator]
    assert tally["mix"] >= 300  # type: ignore[index, call-overload, operator]
    sizes = [len(rows()), *(len(left) for left, _ in FUNNEL(0))]
    assert sizes == sorted(sizes, reverse=True)
    assert all(came.drops.num_rows == a - b for (_, came), a, b in zip(FUNNEL(0), sizes, sizes[1:], strict=False))


def test_one_seed_gives_one_selection_in_any_order_and_another_seed_another() -> None:
    chosen = {str(row["problem"]) for row in FUNNEL(0)[-1][0]}
    shuffled = random.Random(7).sample(rows(), len(rows()))
    assert {str(row["problem"]) for row in funnel(shuffled, seed=0)[-1][0]} == chosen
    assert {str(row["problem"]) for row in FUNNEL(1)[-1][0]} != chosen


def test_a_second_run_over_what_is_left_drops_nothing() -> None:
    assert [came.drops.num_rows for _, came in funnel(FUNNEL(0)[-1][0], seed=0)] == [0] * 6


def plain_draw(documents: list[Document], n: int, until: int, stream: np.random.Generator) -> set[int]:
    """s1's loop as its notebook has it, in one place, without any care for speed."""
    taken = {i for i, row in enumerate(documents) if is_picked(row)}
    domains = sorted({str(row["domain"]) for row in documents})
    members = {domain: [i for i, row in enumerate(documents) if row["domain"] == domain] for domain in domains}
    aime = Counter(str(row["domain"]) for row in documents if row["source_type"] == AIME)
    gpqa = Counter(str(row["domain"]) for row in documents if row["source_type"] == GPQA)
    ratio = 0.5 * aime.total() / gpqa.total()
    mix = {domain: aime[domain] + int(gpqa[domain] * ratio) for domain in domains}
    while len(taken) < n:
        open_ = [domain for domain in domains if members[domain]]
        weights = np.array([mix[domain] if len(taken) >= until else 1 for domain in open_], dtype=float)
        domain = str(stream.choice(open_, p=weights / weights.sum()))
        longest = sorted(members[domain], key=lambda i: -int(documents[i]["gemini_length"]))  # type: ignore[call-overload]
        chances = 2.0 ** -np.arange(len(longest))
        row = int(stream.choice(longest, p=chances / chances.sum()))
        taken.add(row)
        members[domain].remove(row)
    return taken


def test_rows_are_drawn_as_often_as_by_a_plain_implementation() -> None:
    documents, n, until, runs = FUNNEL(0)[4][0][:150], 60, 45, 300
    names = sorted({str(row["domain"]) for row in documents})
    codes = np.array([names.index(str(row["domain"])) for row in documents])
    lengths = np.array([float(row["gemini_length"]) for row in documents])  # type: ignore[arg-type]
    pool = Pool(rows=np.arange(150), codes=codes, names=names, lengths=lengths, fired=np.zeros((150, 0), dtype=bool))
    picks = np.array([is_picked(row) for row in documents])
    mix = [(name, weight, np.array([row["source_type"] == name for row in documents])) for name, weight in ((AIME, 1.0), (GPQA, 0.5))]
    assert 10 < picks.sum() < until
    ours, plain = np.zeros(150), np.zeros(150)
    for seed in range(runs):
        ours += draw(pool, Draws(n=n, picks=picks, uniform_until=until, mix=mix, seed=seed)).chosen
        plain[list(plain_draw(documents, n, until, np.random.default_rng(seed)))] += 1
    error = np.sqrt((ours + plain) / 2 * (1 - (ours + plain) / 2 / runs) * 2)
    away = np.abs(ours - plain) / np.maximum(error, 1)
    # Of 150 rows; a row is further than 4.5 standard errors by chance once in a thousand runs of this test.
    assert away.max() < 4.5
    assert np.mean(away**2) < 1.5
    short = [np.mean(lengths[counts > runs / 2]) > np.mean(lengths) for counts in (ours, plain)]
    assert short == [True, True]
