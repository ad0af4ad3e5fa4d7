"""A new task stays if it is proven; every other draft is written down with its reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from eagdata.contracts import Verifier
from eagdata.errors import RecipeError
from eagdata.pipeline.building import verifier_of
from eagdata.pipeline.crew import task_source
from eagdata.pipeline.gate import failing
from eagdata.pipeline.synthesis import Synthesis, SynthesisSummary, foresee, synthesize
from eagdata.pipeline.synthesis.novelty import Questions, common_words
from eagdata.pipeline.synthesis.order import orders
from eagdata.pipeline.synthesis.prompts import OPERATIONS, SHOWN, draft_prompt, question_of
from eagdata.recipe import read_plan
from eagdata.records import Json, Task
from tests.endpoint import Endpoint, serving
from tests.pipeline.author import JUGS, Author, Draft, drafts, seed_question, write_recipe

ONE = Synthesis(shots=1)


def made(
    where: Path, markers: Sequence[str], server: Endpoint, asked: Synthesis = ONE, overrides: Mapping[str, Json] | None = None
) -> SynthesisSummary:
    recipe = write_recipe(where, markers=list(markers), url=server.url)
    return asyncio.run(synthesize(read_plan(str(recipe), overrides=overrides), asked, where / "out"))


def lines(path: Path) -> list[dict[str, Json]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def all_drafts(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Draft], Path, SynthesisSummary]:
    """Every kind of draft, once each."""
    where = tmp_path_factory.mktemp("synthesis")
    known = drafts(where / "escaped")
    with serving(Author(known)) as server:
        return known, where, made(where, list(known), server)


def test_each_draft_stays_or_goes_for_its_reason(all_drafts: tuple[dict[str, Draft], Path, SynthesisSummary]) -> None:
    known, where, summary = all_drafts
    kept, gone = lines(where / "out" / "tasks.jsonl"), lines(where / "out" / "rejected.jsonl")
    came = {row["seeds"][0]: row.get("reason") for row in (*kept, *gone)}  # type: ignore[index]
    assert came == {marker: draft.reason for marker, draft in known.items()}
    assert all(row["evidence"] and row["status"] == "rejected" for row in gone)
    counts = summary.counts
    assert (counts["planned"], counts["kept"], counts["rejected"], counts["failed"], counts["unspent"]) == (16, 2, 14, 0, 0)
    assert sum(cast("dict[str, int]", counts["rejected_by_reason"]).values()) == 14
    assert not (where / "escaped").exists()


def test_a_row_says_where_its_task_comes_from(all_drafts: tuple[dict[str, Draft], Path, SynthesisSummary]) -> None:
    _, where, _ = all_drafts
    (row,) = (row for row in lines(where / "out" / "tasks.jsonl") if row["seeds"] == ["nutmeg"])
    assert (row["license"], row["source"], row["teacher"]) == ("MIT", "written by tiny-1 from arboretum", "tiny-1")
    assert (row["answer"], row["program"], row["solves"]) == ("420", "a = 40 + 65\nprint(a * 4)", 2)
    assert row["operation"] in OPERATIONS
    assert row["prompt"] == "synthesis-1"


def test_the_printed_recipe_reads_the_new_tasks_and_they_pass_the_gate(all_drafts: tuple[dict[str, Draft], Path, SynthesisSummary]) -> None:
    _, where, summary = all_drafts
    section = yaml.safe_load(summary.recipe)["tasks"]
    plan = read_plan(str(where / "trees.yaml"), overrides={f"tasks.{key}": value for key, value in section.items()})
    tasks = list(task_source(plan).tasks(None, seed=0))
    assert len(tasks) == 2
    for task in tasks:
        assert task.license == "MIT"
        assert asyncio.run(failing(task, verifier=verifier_of(task, dict[str, Verifier]()))) is None


def test_the_evidence_tells_what_was_seen(all_drafts: tuple[dict[str, Draft], Path, SynthesisSummary]) -> None:
    _, where, _ = all_drafts
    by_seed = {row["seeds"][0]: row for row in lines(where / "out" / "rejected.jsonl")}  # type: ignore[index]
    assert "states the answer" in str(by_seed["elder"]["evidence"])
    assert json.loads(str(by_seed["fir"]["evidence"]))["of"] == "fir"
    assert json.loads(str(by_seed["maple"]["evidence"])) == {"program": "810", "solved": ["600"] * 4}
    assert str(by_seed["cedar"]["evidence"]).startswith("run 1 shows ")
    assert by_seed["hazel"]["reply"] == "Problem: A tap drips 20 times a minute. How often in an hour? Answer: 1200"


def test_of_two_drafts_of_one_question_the_first_stays(tmp_path: Path) -> None:
    known = drafts(tmp_path / "escaped")
    twins = {"alder": known["alder"], "oak": Draft(reply=known["alder"].reply.replace(JUGS, JUGS.upper()), solved=("37",))}
    with serving(Author(twins)) as server:
        summary = made(tmp_path, list(twins), server)
    assert (summary.counts["kept"], summary.counts["rejected_by_reason"]) == (1, {"same_question": 1})
    (gone,) = lines(tmp_path / "out" / "rejected.jsonl")
    assert (gone["id"], gone["evidence"]) == ("new-00001", '{"of":"new-00000"}')


def test_without_agreement_the_program_alone_is_believed(tmp_path: Path) -> None:
    known = drafts(tmp_path / "escaped")
    with serving(Author(known)) as server:
        summary = made(tmp_path, ["maple"], server, Synthesis(shots=1, agreement=0))
        assert summary.counts["kept"] == len(server.books.entries) == 1


def test_a_question_of_a_benchmark_is_no_new_task(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text(json.dumps({"question": JUGS + " Give a whole number."}) + "\n")
    known = drafts(tmp_path / "escaped")
    with serving(Author(known)) as server:
        summary = made(tmp_path, ["alder", "nutmeg"], server, Synthesis(shots=1, against=(str(tmp_path / "test.jsonl"),)))
    assert (summary.counts["kept"], summary.counts["rejected_by_reason"]) == (1, {"contaminated": 1})


def test_a_second_run_asks_nothing_and_a_benchmark_may_be_added_to_it(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text(json.dumps({"question": JUGS}) + "\n")
    with serving(Author(drafts(tmp_path / "escaped"))) as server:
        made(tmp_path, ["alder", "nutmeg"], server)
        first, asked = (tmp_path / "out" / "tasks.jsonl").read_bytes(), len(server.books.entries)
        made(tmp_path, ["alder", "nutmeg"], server)
        assert (tmp_path / "out" / "tasks.jsonl").read_bytes() == first
        assert made(tmp_path, ["alder", "nutmeg"], server, Synthesis(shots=1, against=(str(tmp_path / "test.jsonl"),))).counts["kept"] == 1
        assert len(server.books.entries) == asked


def test_a_budget_holds_and_what_it_left_is_done_with_a_larger_one(tmp_path: Path) -> None:
    with serving(Author(drafts(tmp_path / "escaped"))) as server:
        small = made(tmp_path, ["alder", "nutmeg", "maple"], server, overrides={"budget.tokens": 2600, "concurrency": 1})
        assert (small.counts["unspent"], small.exit_code) == (3, 1)
        assert 0 < small.spent["tokens"] <= 2600  # type: ignore[operator]
        asked = len(server.books.entries)
        large = made(tmp_path, ["alder", "nutmeg", "maple"], server, overrides={"budget.tokens": 400_000, "concurrency": 1})
        assert (large.counts["kept"], large.counts["rejected"], large.exit_code) == (2, 1, 0)
        assert (asked, len(server.books.entries)) == (2, 3 + 1 + 2 + 4)


def test_a_teacher_that_is_not_there_is_no_wrong_draft(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, markers=["alder", "nutmeg"], url="http://127.0.0.1:9/v1")
    plan = read_plan(str(recipe), overrides={"teacher.attempts": 1, "concurrency": 9})
    summary = asyncio.run(synthesize(plan, ONE, tmp_path / "out"))
    assert (summary.counts["failed"], summary.counts["failed_by_boundary"], summary.exit_code) == (2, {"teacher": 2}, 4)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"teacher": {"kind": "procedural"}}, "writes no new tasks"),
        ({"environment": {"kind": "smt"}}, "proven by Python programs"),
        ({"tasks.verifier": "countdown"}, "no task of the recipe can be a seed"),
        ({"tasks.environment_config": {"setup": "x = 1"}}, "no task of the recipe can be a seed"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked(tmp_path: Path, overrides: dict[str, Json], said: str) -> None:
    with serving(Author({})) as server:
        with pytest.raises(RecipeError, match=said):
            made(tmp_path, ["alder"], server, overrides=overrides)
        assert server.books.entries == []


def test_a_dry_run_says_how_many_calls_it_takes(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, markers=["alder", "nutmeg"], url="http://127.0.0.1:9/v1")
    found = foresee(read_plan(str(recipe)), Synthesis(agreement=3), tmp_path / "out")
    assert (found["teacher_calls_at_least"], found["teacher_calls_at_most"], found["completion_tokens_at_most"]) == (2, 8, 2400)
    assert not (tmp_path / "out").exists()


def seeds(*names: str, license: str = "MIT") -> list[Task]:  # noqa: A002 - the field's name
    return [Task(id=name, question=f"{name}?", verifier="number", license=license, answer="1", source=license) for name in names]


def test_orders_lead_with_each_seed_alike_and_mix_no_licences() -> None:
    found = orders(seeds("a", "b", "c") + seeds("d", "e", license="CC-BY-4.0"), shots=3, n=10, seed=1)
    leads = [order.seeds[0].id for order in found]
    assert sorted(leads) == sorted("abcde" * 2)
    assert all(len({task.license for task in order.seeds}) == 1 and len({task.id for task in order.seeds}) > 1 for order in found)
    assert found == orders(seeds("a", "b", "c") + seeds("d", "e", license="CC-BY-4.0"), shots=3, n=10, seed=1)


def test_one_seed_is_changed_and_repeated_orders_are_told_apart() -> None:
    found = orders(seeds("a"), shots=3, n=30, seed=0)
    assert {order.operation for order in found} == set(OPERATIONS)
    assert len({(order.operation, order.sample) for order in found}) == 30


def test_the_answers_of_seeds_are_never_shown() -> None:
    shown = draft_prompt(["How many?"], operation="deepen", instructions="Write one number in the box.")
    assert [message.role for message in shown] == ["system", "user", "assistant", "user"]
    assert shown[-1].content.startswith("Example 1: How many?")
    assert question_of(shown[2].content.partition("```")[0]) == SHOWN[-1]


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("Problem: How many?\n", "How many?"),
        ("Sure!\n\n**New problem:** How many?\n\n**Program:**\n", "How many?"),
        ("### Problem 2:\nA man.\n\nHow many?\n", "A man.\n\nHow many?"),
        ("Problem: (a) How many?\n", "(a) How many?"),
        ("Problem: old\nProblem: new\n", "new"),
        ("How many?\n", None),
        ("Problem:\n", None),
    ],
)
def test_the_question_is_what_is_marked_as_one(said: str, question: str | None) -> None:
    assert question_of(said) == question


def slow_common_words(one: Sequence[str], other: Sequence[str]) -> int:
    row = [0] * (len(other) + 1)
    for a in one:
        before, row = row, [0]
        for place, b in enumerate(other):
            row.append(before[place] + 1 if a == b else max(row[-1], before[place + 1]))
    return row[-1]


@given(some.lists(some.sampled_from("abc"), max_size=70), some.lists(some.sampled_from("abcd"), max_size=70))
def test_common_words_are_those_of_the_table(one: list[str], other: list[str]) -> None:
    assert common_words(one, other) == slow_common_words(one, other)


def test_a_copy_is_found_however_it_is_spelt_and_other_numbers_are_no_new_question() -> None:
    known = Questions(similarity=0.7)
    known.add("fir", seed_question("fir"))
    known.add("other", "What is the sum of all primes below 90?")
    assert known.copied(seed_question("fir").upper().replace(" ", "\n ")) == ("same_question", '{"of":"fir"}')
    reason, evidence = known.copied(seed_question("fir").replace("6", "8").replace("7", "9")) or ("", "{}")
    assert (reason, json.loads(evidence)["of"]) == ("near_copy", "fir")
    assert known.copied(JUGS) is None
    assert known.copied("") is None
