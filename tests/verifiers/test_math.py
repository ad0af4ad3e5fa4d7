from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as no_deadline
from hypothesis import strategies as st

from eagdata.records import Json, Task, Verdict
from eagdata.testing import check_verifier
from eagdata.verifiers.math import MathVerifier
from eagdata.verifiers.written.notation import boxes
from eagdata.verifiers.written.symbolic import SYMBOLIC, Symbolic
from tests.verifiers.answer_pairs import Pair, judge, outcome, pairs

REAL = Path(__file__).parents[3] / "shared" / "data" / "qwen_math_cot_samples.jsonl"
HAS_SYMBOLIC = importlib.util.find_spec("math_verify") is not None
needs_symbolic = pytest.mark.skipif(not HAS_SYMBOLIC, reason="math-verify is not installed")


async def verdict(reference: Json, answer: str | None, **config: Any) -> Verdict:
    verifier = MathVerifier(MathVerifier.Config(**config))
    return await verifier.verify(Task(id="t", question="q", verifier="math", reference=reference), answer, None)


async def test_no_wrong_answer_passes_and_the_few_right_ones_that_fail_are_explained() -> None:
    found = [(outcome(pair, await judge(pair)), pair) for pair in pairs()]
    kinds = Counter(pair.kind for _, pair in found)
    assert len(found) >= 160
    assert min(kinds.values()) >= 10
    assert set(kinds) >= {
        "number", "fraction", "percent", "unit", "interval", "set", "tuple", "matrix", "expression", "choice", "text"
    }  # fmt: skip
    assert [pair for name, pair in found if name == "false accept"] == []
    rejected = [pair for name, pair in found if name == "false reject"]
    assert len(rejected) <= 3
    assert all(pair.note.startswith("A false reject:") for pair in rejected)
    assert all(pair.symbolic and not HAS_SYMBOLIC for name, pair in found if name == "not scored")


@pytest.mark.parametrize("kind", ["number", "fraction", "unit", "interval", "set", "tuple", "matrix", "expression", "text", "percent"])
async def test_a_kind_that_is_named_lets_no_other_answer_pass(kind: str) -> None:
    apart = [pair for pair in pairs() if pair.equal is False and not pair.config and not pair.symbolic and pair.kind == kind]
    named = [Pair(kind, pair.reference, pair.answer, False, config={"kind": kind}) for pair in apart]
    settled = {("50", "50%"), ("50%", "50"), ("0.5", "0.5%"), ("5", r"\{5\}"), ("1,2", "1,2,2"), ("(1,2)", "[1,2]")}
    """What the name of the kind makes equal."""
    passed = {(pair.reference, pair.answer) for pair in named if (await judge(pair)).passed}
    assert passed <= settled


async def test_a_verdict_says_what_was_looked_at() -> None:
    await check_verifier(
        MathVerifier(MathVerifier.Config()),
        Task(id="t", question="q", verifier="math", reference=r"\frac{7}{3}"),
        right="7/3",
        wrong=["7", "2.33", "7/3 or 2", "inf", "nan", "7:3"],
    )


@pytest.mark.parametrize(
    ("reference", "answer", "config"),
    [
        ("1/0", "1/0", {}), (r"\frac{1}{0}", "5", {}), ("", "", {}), (None, "5", {}), (True, "true", {}), ([1], "1", {}),
        (r"\boxed{}", "5", {}), ("9^9^9^9", "9^9^9^9", {}), ("5" * 5000, "5", {}), ("{5", "5", {}), (r"\boxed{5} or \boxed{6}", "5", {}),
        ("0^0", "1", {}), ("red", "red", {"kind": "number"}), ("5", "5", {"kind": "interval"}), ("(1,2)", "(1,2)", {"kind": "matrix"}),
        ("5", "5", {"kind": "unit"}), ("x", "x", {"kind": "fraction"}), ("Monday", "Monday", {"kind": "choice"}),
        ("5", "5", {"kind": "tuple"}), ("5 cm", "5", {"kind": "expression"}),
    ],
)  # fmt: skip
async def test_an_unusable_reference_is_unscored_whatever_the_answer(reference: Json, answer: str, config: dict[str, str]) -> None:
    for said in (answer, "42", "1"):
        found = await verdict(reference, said or "5", **config)
        assert (found.status, found.reward) == ("unscored", None)


@pytest.mark.parametrize("answer", [None, "", "  ", r"\boxed{}", "$$"])
async def test_no_answer_is_a_wrong_one(answer: str | None) -> None:
    assert ((found := await verdict("5", answer)).status, found.reward) == ("fail", 0.0)


async def test_several_boxes_that_differ_are_named() -> None:
    found = await verdict("6", r"\boxed{5}, no, \boxed{6}")
    assert (found.status, found.checks[-1].id) == ("fail", "boxes")
    assert "'5', '6'" in (found.checks[-1].evidence or "")


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        (r"\boxed{\frac{1}{2}}", (r"\frac{1}{2}",)),
        (r"\boxed{5} and \boxed{6", ("5",)),
        (r"\fbox{\boxed {5}}", ("5",)),
        (r"\boxed{\{1, 2\}}", (r"\{1, 2\}",)),
        (r"2\boxed{\phantom{3}}5 is $\boxed{4}$", ("4",)),
        ("5", ()),
    ],
)
def test_boxes_are_opened(text: str, contents: tuple[str, ...]) -> None:
    assert boxes(text) == contents


async def test_tolerances_are_asked_for_by_name() -> None:
    assert not (await verdict(r"\pi", "3.14")).passed
    assert (await verdict(r"\pi", "3.14", relative_tolerance=0.001)).passed
    assert not (await verdict(r"\pi", "3.13", relative_tolerance=0.001)).passed
    assert (await verdict("100", "100.4", absolute_tolerance=0.5)).passed
    assert (await verdict("(1, 2)", "(1.0001, 2)", absolute_tolerance=0.01)).passed
    with pytest.raises(ValueError, match="relative_tolerance"):
        MathVerifier.Config(relative_tolerance=1)


@no_deadline(deadline=None, max_examples=200)
@given(st.text(alphabet="0123456789.,/-+%$ \\{}()[]fracsqtpimxyor=<>^_:;!|∪±½°\n&", max_size=40))
async def test_nothing_that_is_written_breaks_the_judge(text: str) -> None:
    found = await verdict("5", text)
    assert found.status in ("pass", "fail", "unscored", "timeout")
    again = await verdict(text, text)
    assert again.status in ("pass", "unscored", "fail" if not text.strip() else "pass", "timeout")


@pytest.mark.parametrize(
    ("answer", "outputs", "supported"),
    [
        (r"\frac{7}{3}", ["2.3333333333333335"], True),
        (r"\boxed{7/3}", ["Fraction(7, 3)"], True),
        (r"3\sqrt{2}", ["4.242640687119285"], True),
        (r"3\sqrt{2}", ["3*sqrt(2)"], True),
        ("(x+1)^2", ["x**2 + 2*x + 1"], True),
        ("(x+1)^2", ["result: (x + 1)**2"], True),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", ["Matrix([[1, 2], [3, 4]])"], True),
        (r"\{2, 3\}", ["[2, 3]"], True),
        (r"(-\infty, 3]", ["x <= 3"], True),
        ("50%", ["0.5"], True),
        ("12 km", ["12.0"], True),
        ("B", ["anything"], True),
        ("no solution", ["There is no solution."], True),
        ("x > 3", ["3"], True),
        (r"\frac{7}{3}", ["7 3"], False),
        (r"3\sqrt{2}", ["4.25"], False),
        ("(x+1)^2", ["x**2 + 1"], False),
        (r"\{2, 3\}", ["2"], False),
        ("B", ["  "], False),
        ("72", [], False),
        ("no solution", ["0"], False),
    ],
)
def test_an_answer_rests_on_an_output_that_shows_it(answer: str, outputs: list[str], supported: bool) -> None:
    assert MathVerifier(MathVerifier.Config()).supported(answer, outputs) is supported


async def test_what_only_math_verify_can_tell_is_unscored_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "math_verify", None)
    for pair in pairs():
        if pair.symbolic:
            found = await judge(pair)
            assert (found.status, found.reward) == ("unscored", None)
            assert "pip install 'eagdata[math]'" in (found.checks[-1].evidence or "")
    assert (await verdict(r"\sin x", r"\sin x")).passed


@needs_symbolic
async def test_an_endless_comparison_ends_and_the_next_one_is_judged() -> None:
    found = await verdict(r"\ln(x)", r"\ln(9^{9^{9^{9}}})")
    assert (found.status, found.reward) == ("timeout", None)
    assert (await verdict(r"\sqrt{x+1}", r"\sqrt{1+x}")).passed


@needs_symbolic
def test_a_worker_that_dies_is_replaced_and_none_is_left() -> None:
    symbolic = Symbolic()
    assert symbolic.same(r"\sqrt{x+1}", r"\sqrt{1+x}")
    (worker,) = workers()
    os.kill(worker, signal.SIGKILL)
    while Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    assert symbolic.same(r"\sqrt{x+1}", r"\sqrt{1+x}")
    assert worker not in workers()
    symbolic.close()
    assert workers() == []


@needs_symbolic
async def test_one_worker_serves_all_at_once() -> None:
    found = await asyncio.gather(*(verdict(r"\sqrt{x+1}", rf"\sqrt{{{n}+x}}") for n in range(8)))
    assert [one.status for one in found] == ["fail", "pass", *["fail"] * 6]
    assert len(workers()) == 1


@needs_symbolic
def test_a_forked_child_asks_a_worker_of_its_own() -> None:
    code = (
        "import os\nfrom eagdata.verifiers.written.symbolic import SYMBOLIC\n"
        "def ask(): return SYMBOLIC.same('\\\\sqrt{x+1}', '\\\\sqrt{1+x}')\n"
        "assert ask()\nfirst = SYMBOLIC._worker.pid\nchild = os.fork()\n"
        "assert ask() and (SYMBOLIC._worker.pid == first) == (child != 0)\n"
        "if child: assert os.waitpid(child, 0)[1] == 0 and ask() and SYMBOLIC._worker.pid == first"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=300)


@needs_symbolic
@pytest.mark.parametrize("how", ["return", "kill"])
def test_no_worker_outlives_the_process_that_asked(how: str) -> None:
    code = (
        "import os, signal\nfrom eagdata.verifiers.written.symbolic import SYMBOLIC\n"
        "assert SYMBOLIC.same('\\\\sqrt{x}', '\\\\sqrt{x}')\nprint(SYMBOLIC._worker.pid, flush=True)\n"
        + ("os.kill(os.getpid(), signal.SIGKILL)" if how == "kill" else "")
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    worker = int(done.stdout)
    until = time.monotonic() + 60
    while Path(f"/proc/{worker}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.skipif(not REAL.exists(), reason="the sampled solutions are not here")
async def test_real_sampled_solutions_are_judged_as_recorded() -> None:
    apart = set()
    for line in REAL.read_text().splitlines():
        row = json.loads(line)
        for text, answer, score in zip(row["code"], row["pred"], row["score"], strict=True):
            for said in (text, answer):
                if (await verdict(row["gt"], said)).passed is not score:
                    apart.add((row["gt"], answer))
    assert apart == {("10{,}000", "10000")}, "the recorded score is wrong about this one"


def workers() -> list[int]:
    """Workers that are children of this process, dead ones included."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(status.parent.name), status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(rest[1]) == os.getpid() and (b"symbolic_worker" in command or rest[0] == "Z"):
            found.append(pid)
    return found


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Any:
    SYMBOLIC.close()
    yield
    SYMBOLIC.close()
    assert workers() == []
