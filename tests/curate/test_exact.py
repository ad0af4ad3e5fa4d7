"""Exact duplicates of rows: what counts as the same, which one stays, and that nothing else goes."""

from __future__ import annotations

import json
import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eagdata.contracts import Decisions
from eagdata.curate.exact import ExactStage
from tests.curate.staging import Document, decide, kept


def stage(**config: object) -> ExactStage:
    return ExactStage(ExactStage.Config(**config))  # type: ignore[arg-type]


def acts(*actions: str) -> list[dict[str, object]]:
    return [{"role": role, "text": text, "status": None} for action in actions for role, text in (("thought", "hm"), ("action", action))]


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def evidence(decisions: Decisions) -> list[tuple[int, str, dict[str, str]]]:
    columns = (decisions.drops[name].to_pylist() for name in ("row", "reason", "evidence"))
    return [(row, reason, json.loads(found)) for row, reason, found in zip(*columns, strict=True)]


SAME = ["How many r's?\nThree, of course.", "  how MANY r's?\r\n\tthree,\x1cof course. ", "Ｈow many r's?\u00a0Three, of course."]


@pytest.mark.parametrize("other", SAME[1:], ids=["ASCII", "beyond ASCII"])
def test_case_white_space_and_compatibility_forms_do_not_matter(other: str) -> None:
    documents = [{"id": "longer", "text": SAME[0] + "   " * 9}, {"id": "other", "text": other}]
    assert evidence(decide(stage(), documents)) == [(1, "same_text", {"key": "text", "survivor": "longer"})]


def test_texts_differ_by_words_numbers_and_accents() -> None:
    texts = ["a b c", "a b d", "ab c", "a b 1", "a b 2", "à b c", "a b c.", "A\0B c"]
    assert len(kept(stage(), [{"text": text} for text in texts])) == len(texts)


def test_problem_is_part_of_the_text_and_rows_with_neither_have_no_duplicates() -> None:
    documents = [
        {"problem": "p", "text": "t"},
        {"problem": "q", "text": "t"},
        {"problem": None, "text": "P\nT\n"},
        *({"problem": problem, "text": text} for problem in (None, "", " \n") for text in (None, "", "\u3000")),
    ]
    assert decide(stage(), documents).drops["row"].to_pylist() == [0]


def test_different_solutions_of_one_task_stay_unless_one_row_a_task_is_asked_for() -> None:
    documents = [
        {"problem": "What is 2 + 3?", "answer": "5", "text": "Five.", "final": "5"},
        {"problem": "what is 2 + 3?", "answer": " 5", "text": "Let me count: 3, 4, 5.", "final": "5"},
        {"problem": "What is 2 + 3?", "answer": "6", "text": "Six."},
        {"problem": None, "answer": "5", "text": "No problem."},
        {"problem": None, "answer": "5", "text": "None either."},
    ]
    assert len(kept(stage(), documents)) == 5
    assert [row["text"] for row in kept(stage(keys=("task",)), documents)] == [documents[i]["text"] for i in (1, 2, 3, 4)]


def test_rows_that_do_and_conclude_the_same_for_one_problem_are_the_same() -> None:
    first = {"id": "a", "problem": "p", "text": "the longest of them", "turns": acts("x = 1", "print( x )  # show"), "final": "1"}
    others = [
        {"problem": "P ", "text": "b", "turns": acts("x=1", "print(x)"), "final": " 1"},
        {"problem": "p", "text": "c", "turns": acts("print(x)", "x=1"), "final": "1"},
        {"problem": "p", "text": "d", "turns": acts("x=1", "print(x)"), "final": "2"},
        {"problem": "q", "text": "e", "turns": acts("x=1", "print(x)"), "final": "1"},
        {"problem": "p", "text": "f", "turns": acts("x=1\nprint(x)"), "final": "1"},
    ]
    assert evidence(decide(stage(), [first, *others])) == [(1, "same_actions", {"key": "actions", "survivor": "a"})]


def test_rows_without_an_action_do_not_do_the_same() -> None:
    thought = [{"role": "thought", "text": "hm", "status": None}]
    documents = [{"problem": "p", "text": str(i), "turns": turns, "final": "1"} for i, turns in enumerate([thought, thought, [], None])]
    assert len(kept(stage(), documents)) == 4


def test_first_key_that_matches_is_named_and_the_survivor_is_one_that_stays() -> None:
    documents = [
        {"id": "c", "problem": "p", "text": "t", "turns": None},
        {"id": "b", "problem": "p", "text": "t", "turns": acts("f()")},
        {"id": "a", "problem": "p", "text": "another, longer", "turns": acts("f()")},
        {"id": "d", "problem": "P", "text": "T", "turns": None, "verdict": "pass"},
    ]
    decisions = decide(stage(), documents)
    assert evidence(decisions) == [
        (0, "same_text", {"key": "text", "survivor": "d"}),
        (1, "same_actions", {"key": "actions", "survivor": "a"}),
    ]


def test_verified_row_stays_before_longer_and_the_order_of_the_input_has_no_say() -> None:
    documents: list[Document] = [
        {"id": "a", "text": "x y"},
        {"id": "b", "text": "x  y", "verdict": "pass"},
        {"id": "c", "text": "x          y", "verdict": "fail"},
    ]
    assert [row["id"] for row in kept(stage(), documents)] == ["b"]
    assert [row["id"] for row in kept(stage(), documents[::2])] == ["c"]
    assert [row["id"] for row in kept(stage(keep="shortest"), documents[::2])] == ["a"]
    equal: list[Document] = [{"id": name, "text": "the same"} for name in "efghijk"]
    assert len({str(kept(stage(), order)[0]["id"]) for order in (equal, equal[::-1], equal[3:] + equal[:3])}) == 1


@given(texts=st.lists(st.text(alphabet=" aAbß\t\n\u3000Ａ\0é\u0301", max_size=6), max_size=12))
@settings(max_examples=60, deadline=None)
def test_texts_are_the_same_when_they_fold_to_the_same(texts: list[str]) -> None:
    stay = {folded(str(row["text"])) for row in kept(stage(keys=("text",)), [{"text": text} for text in texts]) if folded(str(row["text"]))}
    assert stay == {folded(text) for text in texts} - {""}
    blank = sum(not folded(text) for text in texts)
    assert len(kept(stage(keys=("text",)), [{"text": text} for text in texts])) == len(stay) + blank


ROWS = st.fixed_dictionaries(
    {
        "problem": st.sampled_from([None, "p", "P", "q"]),
        "text": st.sampled_from([None, "t", "T ", "u"]),
        "answer": st.sampled_from([None, "1"]),
        "final": st.sampled_from([None, "1"]),
        "turns": st.sampled_from([None, acts("f()"), acts("f( )"), acts("g()")]),
        "verdict": st.sampled_from([None, "pass", "fail"]),
    }
)


@given(rows=st.lists(ROWS, max_size=12), shuffle=st.randoms(use_true_random=False), shard_rows=st.sampled_from([1, 4, 100]))
@settings(max_examples=60, deadline=None)
def test_order_and_shards_do_not_matter_a_second_run_drops_nothing_and_none_is_lost(
    rows: list[dict[str, object]], shuffle: random.Random, shard_rows: int
) -> None:
    found = stage(keys=("actions", "text", "task"))
    documents: list[Document] = [{"id": f"d{i}", **row} for i, row in enumerate(rows)]
    stay = kept(found, documents)
    gone = decide(found, documents).drops["row"].to_pylist()
    assert len(stay) + len(set(gone)) == len(documents)
    assert len(set(gone)) == len(gone)
    assert all(by["survivor"] in {row["id"] for row in stay} for _, _, by in evidence(decide(found, documents)))
    other = list(documents)
    shuffle.shuffle(other)
    assert {str(row["id"]) for row in kept(found, other, shard_rows=shard_rows)} == {str(row["id"]) for row in stay}
    assert kept(found, stay) == stay


@pytest.mark.parametrize("text", ["a" * (1 << 20), " " * 1_000_000 + "x", "\0" * 9, "漢" * 300_000, "x" + "\u0301" * 5000, "\ufffd"])
def test_hostile_texts_are_the_same_as_themselves_alone(text: str) -> None:
    documents = [{"text": text}, {"text": text + "."}, {"text": text}]
    assert len(kept(stage(), documents)) == 2


@pytest.mark.parametrize("keys", [(), ("text", "text")])
def test_keys_that_say_nothing_or_twice_the_same_are_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="keys"):
        stage(keys=keys)
