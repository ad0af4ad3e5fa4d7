"""Small functions over lists and strings, written to a specification and judged by hidden cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import cast

from eagdata.records import Json
from eagdata.tasks.families import program_specs as specs
from eagdata.tasks.families.draft import Draft, dial, ordinal
from eagdata.tasks.families.words import WORDS

_Arguments = Callable[[Random, int], Json]


@dataclass(frozen=True, slots=True)
class _Spec:
    names: tuple[str, ...]
    text: str
    """What the function returns, with `{k}` and `{kth}` (`{low}` and `{high}` for two parameters) for its parameters."""
    run: Callable[..., object]
    """The function itself: the argument, then the parameters."""
    arguments: _Arguments
    least: int
    most: int
    two: bool = False


def _numbers(rng: Random, size: int) -> Json:
    """Whole numbers, some of them repeated."""
    return [rng.randint(-9, 30) for _ in range(size)]


def _runs(rng: Random, size: int) -> Json:
    found: list[Json] = []
    while len(found) < size:
        found += [rng.randint(0, 4)] * rng.randint(1, 4)
    return found[:size]


def _sentence(rng: Random, size: int) -> Json:
    return " ".join(rng.choice(WORDS).capitalize() if rng.random() < 0.3 else rng.choice(WORDS) for _ in range((size + 1) // 2))


_SPECS = (
    _Spec(
        ("keep_large", "above", "larger_ones"),
        "the list of the numbers in `values` that are greater than {k}, in their order",
        specs.above,
        _numbers,
        0,
        20,
    ),
    _Spec(
        ("sum_multiples", "multiples_total"),
        "the sum of the numbers in `values` that are divisible by {k}",
        specs.multiples,
        _numbers,
        2,
        9,
    ),
    _Spec(
        ("nth_largest", "ranked"),
        "the {kth} largest different number in `values`, or None if there are fewer than {k} different numbers",
        specs.ranked,
        _numbers,
        2,
        6,
    ),
    _Spec(
        ("rotate_left", "rotated"),
        "`values` rotated to the left by {k} places, which may be more than its length",
        specs.rotated,
        _numbers,
        1,
        9,
    ),
    _Spec(
        ("every_kth", "thinned"),
        "the list of every {kth} element of `values`, starting with the first element",
        specs.thinned,
        _numbers,
        2,
        6,
    ),
    _Spec(
        ("long_words", "count_long"),
        "the number of words in `text` that have more than {k} letters",
        specs.long_words,
        _sentence,
        3,
        9,
    ),
    _Spec(
        ("reverse_long", "flip_words"),
        "`text` with each word of at least {k} letters reversed and the words separated by one space",
        specs.flip_words,
        _sentence,
        4,
        8,
    ),
    _Spec(
        ("caesar", "shift_letters"),
        "`text` with each letter from a to z and A to Z moved {k} places forward in the alphabet, wrapping after z, and all else kept",
        specs.caesar,
        _sentence,
        1,
        25,
    ),
    _Spec(
        ("long_runs", "runs"),
        "the list of [value, length] for each run of equal neighbours in `values` that is at least {k} long",
        specs.runs,
        _runs,
        1,
        4,
    ),
    _Spec(
        ("chunks", "cut_up"),
        "`values` cut into lists of {k} elements, the last one possibly shorter",
        specs.chunks,
        _numbers,
        2,
        5,
    ),
    _Spec(
        ("pairs_with_sum", "count_pairs"),
        "the number of pairs of positions i < j in `values` whose elements add up to {k}",
        specs.pairs,
        _runs,
        2,
        8,
    ),
    _Spec(
        ("window_sums", "moving_sums"),
        "the list of the sums of each {k} neighbouring elements of `values`, from left to right",
        specs.windows,
        _numbers,
        2,
        5,
    ),
    _Spec(
        ("top_letters", "frequent"),
        "the {k} most frequent letters of `text` as one string, most frequent first, ties in alphabetical order, upper-case "
        "letters counted as lower-case",
        specs.frequent,
        _sentence,
        1,
        4,
    ),
    _Spec(
        ("clip", "clamped"),
        "`values` with each number below {low} replaced by {low} and each number above {high} replaced by {high}",
        specs.clamped,
        _numbers,
        0,
        20,
        True,
    ),
    _Spec(
        ("keep_at_most", "thin_repeats"),
        "`values` without the repetitions of any number after its first {k} occurrences, in order",
        specs.at_most,
        _runs,
        1,
        3,
    ),
    _Spec(
        ("digit_filter", "with_digit_sum"),
        "the list of the numbers in `values` whose decimal digits, the sign left out, add up to {k}",
        specs.digit_sums,
        _numbers,
        2,
        9,
    ),
)


def draw(rng: Random, difficulty: float) -> Draft:
    """One of sixteen specifications; longer arguments and more hidden cases with the dial."""
    spec = rng.choice(_SPECS)
    k = rng.randint(spec.least, spec.most)
    parameters = (k, k + rng.randint(1, 9)) if spec.two else (k,)
    words = {"k": k, "kth": ordinal(k), "low": k, "high": parameters[-1]}
    function = rng.choice(spec.names)
    longest = dial(5, 14, difficulty)
    argument = "text" if spec.arguments is _sentence else "values"
    shown = [spec.arguments(rng, rng.randint(3, 6)) for _ in range(2)]
    hidden = [*shown, spec.arguments(rng, 0), *(spec.arguments(rng, rng.randint(1, longest)) for _ in range(dial(3, 7, difficulty)))]
    examples = "\n".join(f"{function}({value!r}) returns {spec.run(value, *parameters)!r}" for value in shown)
    question = (
        f"Write a Python function `{function}({argument})` that returns {spec.text.format(**words)}.\n\nExamples:\n{examples}\n\n"
        "Define it in the session; it is tested there on other arguments too. When it is ready, answer: done"
    )
    return Draft(
        kind=spec.names[0],
        question=question,
        verifier="tests",
        reference=_reference(function, spec, parameters=parameters, arguments=hidden),
        answer="done",
    )


def _reference(function: str, spec: _Spec, *, parameters: Sequence[int], arguments: Sequence[Json]) -> Json:
    # cast: list[int] holds only Json, but lists are invariant to the type checker
    cases: list[Json] = [{"args": [value], "expected": cast(Json, spec.run(value, *parameters))} for value in arguments]
    return {"function": function, "cases": cases}
