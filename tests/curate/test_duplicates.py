"""Exact duplicates: what counts as the same, what does not, and that the first one stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagdata.curate.duplicates import FirstWins, actions_fingerprint, task_fingerprint
from eagdata.records import Task

TASK = Task(id="a", question="How many r's are in strawberry?", verifier="number", reference=3)


@pytest.mark.parametrize(
    "question",
    ["how many R's are in  strawberry?", "How many r's\n\tare in strawberry?  ", "Ｈow many r's are in strawberry?"],
    ids=["case and spaces", "line breaks", "full-width letter"],
)
def test_spelling_of_a_question_does_not_matter(question: str) -> None:
    assert task_fingerprint(replace(TASK, id="b", question=question)) == task_fingerprint(TASK)


def test_words_files_and_set_up_of_a_task_matter() -> None:
    others = [
        replace(TASK, question="How many r's are in raspberry?"),
        replace(TASK, environment_config={"files": {"a.csv": "1"}}),
        replace(TASK, environment_config={"files": {"a.csv": "2"}}),
        replace(TASK, environment_config={"setup": "x = 1"}),
    ]
    assert len({task_fingerprint(task) for task in (TASK, *others)}) == 5


@pytest.mark.parametrize(
    "code",
    ["# count\nx = 1\nprint(x)", "x=1 ; print( x )", "x = 1\n\n\nprint(x)  # done"],
    ids=["comment", "one line", "blank lines"],
)
def test_comments_and_layout_of_python_do_not_matter(code: str) -> None:
    assert actions_fingerprint([code], "3") == actions_fingerprint(["x = 1\nprint(x)"], " 3 ")


def test_names_numbers_order_and_answer_of_actions_matter() -> None:
    different = [
        (["x = 1", "print(x)"], "3"),
        (["print(x)", "x = 1"], "3"),
        (["x = 1\nprint(x)"], "3"),
        (["y = 1", "print(y)"], "3"),
        (["x = 2", "print(x)"], "3"),
        (["x = 1", "print(x)"], "4"),
        (["x = 1", "print(x)"], None),
        ([], "3"),
    ]
    assert len({actions_fingerprint(actions, answer) for actions, answer in different}) == len(different)


def test_indentation_of_python_matters() -> None:
    inside, outside = "for i in a:\n    f()\n    g()", "for i in a:\n    f()\ng()"
    assert actions_fingerprint([inside], None) != actions_fingerprint([outside], None)


def test_text_that_is_no_python_is_compared_without_its_white_space() -> None:
    assert actions_fingerprint(["SELECT  *\n FROM t;"], "1") == actions_fingerprint(["SELECT * FROM t;"], "1")


@pytest.mark.parametrize(
    "text", ["(" * 5000, "x = '\\d'", "a\x00b", "print('\ud800')", "-" * 100_000 + "1", ""], ids=lambda text: ascii(text[:9])
)
def test_hostile_actions_have_a_fingerprint(text: str) -> None:
    assert actions_fingerprint([text], text) == actions_fingerprint([text], text)


@given(keys=st.lists(st.sampled_from(["aa", "bb", "cc", "dd"])))
def test_first_wins_in_input_order_and_a_second_pass_drops_nothing(keys: list[str]) -> None:
    seen = FirstWins()
    first = {key: str(i) for i, key in reversed(list(enumerate(keys)))}
    for i, key in enumerate(keys):
        assert seen.seen(key, str(i)) == (None if first[key] == str(i) else first[key])
    assert all(seen.seen(key, by) is None for key, by in first.items())
    again = FirstWins()
    assert all(again.seen(key, by) is None for key, by in first.items())


def test_the_id_of_the_first_is_given_back_whatever_it_is_made_of() -> None:
    seen = FirstWins()
    ids = ["plain", "\ud800", "ß\x00ö", ""]
    for i, by in enumerate(ids):
        assert seen.seen(f"{i:064x}"[::-1], by) is None
    assert [seen.seen(f"{i:064x}"[::-1], "later") for i in range(len(ids))] == ids
