from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eagdata.records import Json, Task, Verdict
from eagdata.verifiers.answers import ChoiceVerifier, ExactVerifier, NumberVerifier, SetVerifier, TableVerifier
from eagdata.verifiers.numbers import read_number

Answers = ExactVerifier | NumberVerifier | ChoiceVerifier | SetVerifier | TableVerifier
EXACT = ExactVerifier(ExactVerifier.Config())
NUMBER = NumberVerifier(NumberVerifier.Config())
CHOICE = ChoiceVerifier(ChoiceVerifier.Config())
SET = SetVerifier(SetVerifier.Config())
TABLE = TableVerifier(TableVerifier.Config())


async def judge(verifier: Answers, reference: Json, answer: str | None) -> Verdict:
    task = Task(id="t", question="q", verifier="v", reference=reference)
    return await verifier.verify(task, answer, None)


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("72", "72"),
        (72, " 72. "),
        ("72", "$72"),
        ("72", "72.00"),
        ("72", "+72"),
        ("72", "$72$"),
        ("72", r"\$72"),
        ("72", r"72\text{ dollars}"),
        ("72", "72 square metres"),
        ("72", "72 km/h"),
        ("72", "72cm^2"),
        ("72", "x = 72"),
        ("72", "144/2"),
        ("72", r"\frac{144}{2}"),
        ("-0.5", r"-\dfrac{1}{2}"),
        ("7/3", r"\(\tfrac{7}{3}\)"),
        (0.1, "0.1"),
        (1e-07, "0.0000001"),
        ("1234567", "1,234,567"),
        ("1234567.5", "1{,}234{,}567.5"),
        ("1500", r"1.5 \times 10^{3}"),
        ("1500", "1.5e3"),
        ("-5", "−5"),
        ("50%", r"50\%"),
        (10**300, "1" + "0" * 300),
    ],
)
async def test_a_number_passes_in_any_honest_notation(reference: Json, answer: str) -> None:
    verdict = await judge(NUMBER, reference, answer)
    assert (verdict.status, verdict.reward) == ("pass", 1.0)


@pytest.mark.parametrize(
    "answer",
    [
        None, "", " ", "nan", "NaN", "inf", "-inf", "1e400", "7 2", "72 72", "72, 72", "72 or 73", "72 or more", "about 72", "≈72",
        "72 million",
        "72k", "72 K", "72x", "72 i", "72!", "72^1", "72²", "٧٢", "７２", "7_2", "0x48", "72,0", "7,2", "--72", "72/0", "72/1/1", "71 1/1",
        "70+2", "72 = 72 apples 3", "seventy-two", "{72}", "[72]", "(72)", "72e", "True", "72%", "-72", "72.0001", "720", r"\frac{72}{0}",
        r"\frac{}{}", r"72 \times 10^{999}", "72 per 3", "72 thousand dollars", "not 72", "72; import os", "9" * 5000, "\x0072", "72\ud800",
    ],
)  # fmt: skip
async def test_what_is_not_plainly_the_number_is_refused(answer: str | None) -> None:
    verdict = await judge(NUMBER, "72", answer)
    assert (verdict.status, verdict.reward) == ("fail", 0.0)
    assert any(check.status == "fail" for check in verdict.checks)


@pytest.mark.parametrize("reference", [None, True, "many", "", [72], {"n": 72}, float("nan"), "5 or 6"])
async def test_an_unreadable_reference_is_unscored_and_never_zero(reference: Json) -> None:
    verdict = await judge(NUMBER, reference, "72")
    assert (verdict.status, verdict.reward) == ("unscored", None)


async def test_tolerances_and_percent_are_asked_for_by_name() -> None:
    assert not (await judge(NUMBER, "3.14159", "3.14")).passed
    loose = NumberVerifier(NumberVerifier.Config(relative_tolerance=0.01))
    assert (await judge(loose, "3.14159", "3.14")).passed
    assert not (await judge(loose, "3.14159", "3.2")).passed
    near = NumberVerifier(NumberVerifier.Config(absolute_tolerance=0.5))
    assert (await judge(near, "0", "0.5")).passed
    assert (await judge(NumberVerifier(NumberVerifier.Config(ignore_percent=True)), "50", "50%")).passed
    with pytest.raises(ValueError, match="absolute_tolerance"):
        NumberVerifier.Config(absolute_tolerance=-1)


@pytest.mark.parametrize(
    ("answer", "outputs", "supported"),
    [
        ("72", ["Total: 72"], True),
        ("72", ["72.0"], True),
        ("72", ["71.99999999999999"], True),
        ("1234", ["1,234"], True),
        ("7/3", ["2.3333333333333335"], True),
        (r"\frac{7}{3}", ["Fraction(7, 3)"], True),
        ("3.14", ["3.14159"], True),
        ("50%", ["0.5"], True),
        ("6", ["(5,6)"], True),
        ("-4", ["x=-4;"], True),
        ("72", ["720", "172", "7 2", "v72", "72nd"], False),
        ("3", ["3.14159"], False),
        ("72", [], False),
        ("seventy-two", ["seventy-two 72"], False),
    ],
)
def test_a_number_rests_on_an_output_that_shows_it(answer: str, outputs: list[str], supported: bool) -> None:
    assert NUMBER.supported(answer, outputs) is supported


@given(st.text(alphabet="0123456789.,/-+eE%$ \\{}frac xkm\n", max_size=30))
def test_reading_a_number_never_fails_and_its_value_reads_back(text: str) -> None:
    found = read_number(text)
    if found is not None:
        again = read_number(f"{found.value.numerator}/{found.value.denominator}")
        assert again is not None
        assert again.value == found.value


@pytest.mark.parametrize("answer", ["Monday", " monday. ", r"\text{Monday}", '"Monday"', "$Monday$", "MONDAY"])
async def test_a_text_passes_whatever_its_dress(answer: str) -> None:
    assert (await judge(EXACT, "Monday", answer)).passed


async def test_spaces_around_commas_do_not_count() -> None:
    assert (await judge(EXACT, "Ann, Bob, Cem", "Ann,Bob ,  Cem")).passed


@pytest.mark.parametrize("answer", [None, "", " ", '""', "Monday or Tuesday", "Mon", "Mondays", "not Monday", "Mond ay", "Sunday"])
async def test_another_text_is_refused(answer: str | None) -> None:
    assert (await judge(EXACT, "Monday", answer)).status == "fail"


async def test_case_counts_where_it_is_asked_for() -> None:
    strict = ExactVerifier(ExactVerifier.Config(ignore_case=False))
    assert (await judge(strict, "aB", "ab")).status == "fail"
    assert (await judge(EXACT, 5, "5")).status == "unscored"
    assert (await judge(EXACT, " ", "5")).status == "unscored"


def test_a_text_rests_on_its_words_in_a_row() -> None:
    assert EXACT.supported("Ann, Bob", ["['Ann', 'Bob']"])
    assert EXACT.supported("2024-03-01", ["2024-03-01 00:00"])
    assert not EXACT.supported("Ann, Bob", ["Bob Ann"])
    assert not EXACT.supported("3", ["13"])
    assert not EXACT.supported("", ["x"])


@pytest.mark.parametrize(
    "answer", ["B", "b", "(B)", "B)", "B.", r"\text{B}", r"\text{(B)}", "B) 12 km", "Option B", "The answer is (B)", "(B) a dog"]
)
async def test_a_choice_passes_by_its_letter(answer: str) -> None:
    assert (await judge(CHOICE, "B", answer)).passed


@pytest.mark.parametrize(
    "answer",
    [None, "", "A", "AB", "B or C", "B, C", "B) or C)", "B) and A", "A dog", "Both", "12 km", "B C", "F", "Б", "neither B", "not B"],
)
async def test_another_choice_or_two_are_refused(answer: str | None) -> None:
    assert (await judge(CHOICE, "B", answer)).status == "fail"
    assert (await judge(CHOICE, "F", answer)).status == "unscored"


@pytest.mark.parametrize(
    "answer",
    ["1, 2, 3", "3,1,2", "{1, 2, 3}", r"\{1, 2, 3\}", r"$\left\{1,2,3\right\}$", "[3, 2, 1]", "1; 2; 3", "1, 2, and 3", "(1, 2, 3.0)"],
)
async def test_a_set_passes_in_any_order_and_notation(answer: str) -> None:
    assert (await judge(SET, [1, 2, 3], answer)).passed


@pytest.mark.parametrize(
    "answer",
    [None, "", "1, 2", "1, 2, 3, 4", "1, 2, 3, 3", "1, 2, 2", "1 2 3", "123", "1, 2, x", "1,,2,3", "{}", "[[1, 2, 3]]", "nan, 1, 2", "1-3"],
)
async def test_another_set_is_refused(answer: str | None) -> None:
    assert (await judge(SET, [1, 2, 3], answer)).status == "fail"


async def test_sets_of_texts_the_empty_set_and_useless_references() -> None:
    assert (await judge(SET, ["Ann", "Bob"], "bob, 'Ann'")).passed
    assert (await judge(SET, [], r"\emptyset")).passed
    assert (await judge(SET, [], "")).status == "fail"
    assert (await judge(SET, "1, 2", "1, 2")).status == "unscored"
    assert SET.supported("1, Ann", ["Ann has 1"])
    assert not SET.supported("1, Ann", ["Anna has 12"])


ROWS: Json = {"rows": [["Ann", 3], ["Bob", 5.25], ["Bob", 5.25]], "ordered": False}


@pytest.mark.parametrize(
    "answer",
    [
        "Ann, 3; Bob, 5.25; Bob, 5.25",
        "Bob, 5.25; Ann, 3.0; Bob, 5.2500000001",
        "Ann, 3\nBob, 5.25\nBob, 5.25",
        '[["Ann", 3], ["Bob", 5.25], ["Bob", 5.25]]',
        "[('Ann', 3), ('Bob', 5.25), ('Bob', 5.25)]",
        "| Ann | 3 |\n| Bob | 5.25 |\n| Bob | 5.25 |",
    ],
)
async def test_a_table_passes_as_text_json_or_python(answer: str) -> None:
    assert (await judge(TABLE, ROWS, answer)).passed


@pytest.mark.parametrize(
    "answer",
    [
        None, "", ";", "[]", "Ann, 3; Bob, 5.25", "Ann, 3; Ann, 3; Bob, 5.25", "Ann, 3; Bob, 5.25; Bob, 5.26",
        "Ann, 3, Bob, 5.25, Bob, 5.25",
        "3, Ann; 5.25, Bob; 5.25, Bob", "Ann; Bob; Bob", '{"Ann": 3}', "[" * 3000, "x" * 30_000, "Ann, 3; Bob, 5.25; Bob, 5.25; Cem, 1",
    ],
)  # fmt: skip
async def test_another_table_is_refused(answer: str | None) -> None:
    assert (await judge(TABLE, ROWS, answer)).status == "fail"


async def test_order_counts_where_the_reference_says_so() -> None:
    ordered: Json = {"rows": [["Ann", 3], ["Bob", 5]], "ordered": True}
    assert (await judge(TABLE, ordered, "Ann, 3; Bob, 5")).passed
    assert (await judge(TABLE, ordered, "Bob, 5; Ann, 3")).status == "fail"


async def test_nulls_zeros_quoted_commas_and_leading_zeros_are_kept_apart() -> None:
    table: Json = {"rows": [[None, "a, b", "007", 0]]}
    assert (await judge(TABLE, table, 'NULL, "a, b", 007, 0')).passed
    assert (await judge(TABLE, table, '[[null, "a, b", "007", 0]]')).passed
    assert (await judge(TABLE, table, 'NULL, "a, b", 7, 0')).status == "fail"
    assert (await judge(TABLE, table, '0, "a, b", 007, 0')).status == "fail"
    assert (await judge(TABLE, {"rows": []}, "[]")).passed
    assert (await judge(TABLE, {"rows": "Ann"}, "Ann")).status == "unscored"
    assert (await judge(TABLE, {"rows": [["Ann"], ["Bob"]]}, "Ann; Bob")).passed


def test_a_table_rests_on_outputs_that_show_each_cell() -> None:
    assert TABLE.supported("Ann, 3; Bob, 5.25", ["('Ann', 3)", "('Bob', 5.25)"])
    assert TABLE.supported("NULL, 3", ["(None, 3)"])
    assert not TABLE.supported("Ann, 3; Bob, 5", ["('Ann', 3)"])
    assert not TABLE.supported("NULL", [])


def test_each_verifier_says_how_to_answer() -> None:
    for verifier in (EXACT, NUMBER, CHOICE, SET, TABLE):
        assert "box" in verifier.instructions()
