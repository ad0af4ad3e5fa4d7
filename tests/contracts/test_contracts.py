"""Every installed plugin, held against the contract of its kind."""

from __future__ import annotations

import pytest

from eagdata.contracts import Reply, Request, settings
from eagdata.errors import PrerequisiteError, RecipeError
from eagdata.records import Message, Task, Usage
from eagdata.registry import KINDS, names, plugin_class, plugins
from eagdata.testing import ScriptedTeacher, check_environment, check_search, check_teacher, check_verifier, missing_members


@pytest.mark.parametrize("plugin", plugins(), ids=lambda plugin: f"{plugin.kind}-{plugin.name}")
def test_a_plugin_has_what_its_contract_names(plugin) -> None:  # type: ignore[no-untyped-def]
    assert missing_members(plugin.kind, plugin_class(plugin.kind, plugin.name)) == []


@pytest.mark.parametrize("name", names("search"))
def test_a_search_keeps_its_contract(name: str) -> None:
    cls = plugin_class("search", name)
    check_search(cls(cls.Config()))  # type: ignore[attr-defined]


async def test_the_python_environment_keeps_its_contract() -> None:
    cls = plugin_class("environments", "python")
    task = Task(id="t", question="q", verifier="number")
    actions = ["import random\nx = random.random()", "x", "y = [x] * 3\nlen(y)", "print(random.random())"]
    await check_environment(cls(cls.Config()), task, actions, failing="1 / 0")  # type: ignore[attr-defined]


REQUEST = Request(messages=(Message(role="system", content="s"), Message(role="user", content="q")), seed=1)


async def test_teachers_keep_their_contract() -> None:
    await check_teacher(ScriptedTeacher({(0, 0): "\\boxed{1}"}), REQUEST)
    source = plugin_class("tasks", "procedural")
    task = next(source(source.Config()).tasks(1, seed=0))  # type: ignore[attr-defined]
    cls = plugin_class("teachers", "procedural")
    question = (Message(role="system", content="```python"), Message(role="user", content=task.question))
    await check_teacher(cls(cls.Config()), Request(messages=question, seed=1))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "reference", "right", "wrong"),
    [
        ("math", r"\frac{7}{3}", "7/3", ["7", "2.33", "7/3 or 2", "7:3", "inf"]),
        ("number", "7/3", "\\frac{7}{3}", ["7", "2.33", "7/3 or 2", "inf", "nan"]),
        ("exact", "Ann, Bob", "ann,  bob", ["Ann", "Bob, Ann", "Ann, Bob, Cid"]),
        ("choice", "B", "B", ["A", "A or B", "AB"]),
        ("set", ["1", "2"], "2, 1", ["1", "1, 2, 3", "1, 1"]),
        (
            "table",
            {"rows": [["Ann", 3], ["Bob", 5]], "ordered": False},
            "Bob, 5; Ann, 3",
            ["Ann, 3", "Ann, 3; Bob, 6", "Ann, 3; Bob, 5; Bob, 5"],
        ),
        ("countdown", {"numbers": [2, 3, 4], "target": 24}, "2*3*4", ["24", "2*3*4*1", "3*4*2*2/2", "4*6", "2**3*3"]),
    ],
)
async def test_answer_verifiers_keep_their_contract(name: str, reference, right: str, wrong: list[str]) -> None:  # type: ignore[no-untyped-def]
    cls = plugin_class("verifiers", name)
    task = Task(id="t", question="q", verifier=name, reference=reference)
    await check_verifier(cls(cls.Config()), task, right=right, wrong=wrong)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", names("tokenizers"))
def test_a_tokenizer_counts_anything(name: str) -> None:
    cls = plugin_class("tokenizers", name)
    tokenizer = cls(cls.Config())  # type: ignore[attr-defined]
    assert tokenizer.count("") == 0
    assert tokenizer.count("hello world") == 2
    for text in ("<|endoftext|>", "\ud800", "\x00", " " * 200_000, "é" * 1000):
        assert tokenizer.count(text) > 0
    assert tokenizer.revision


def test_every_kind_has_a_plugin_and_an_unknown_name_gets_the_nearest() -> None:
    assert all(names(kind) for kind in KINDS)
    with pytest.raises(RecipeError) as raised:
        plugin_class("search", "eagg")
    assert "did you mean 'eag'?" in raised.value.mend


class _Broken:
    @settings
    class Config:
        pass

    def __init__(self, config: object) -> None: ...

    def start(self, *, seed: int):  # type: ignore[no-untyped-def]
        return _Forgetful()


class _Forgetful:
    """A growth that takes a node with an unknown parent."""

    view = "direct"

    def __init__(self) -> None:
        self.told = 0

    def ask(self) -> tuple[()]:
        return ()

    def tell(self, feedback: object) -> None:
        self.told += 1


def test_the_kit_finds_a_search_that_breaks_its_contract() -> None:
    with pytest.raises(AssertionError, match="parent was never told"):
        check_search(_Broken(_Broken.Config()))


async def test_the_kit_finds_a_verifier_that_passes_everything() -> None:
    class Lenient(plugin_class("verifiers", "number")):  # type: ignore[misc]
        async def verify(self, task, answer, episode):  # type: ignore[no-untyped-def]
            return await super().verify(task, "1", episode)

    with pytest.raises(AssertionError, match="wrong answer '2' passes"):
        await check_verifier(
            Lenient(Lenient.Config()), Task(id="t", question="q", verifier="number", reference="1"), right="1", wrong=["2"]
        )


async def test_the_kit_finds_a_teacher_that_counts_no_call() -> None:
    class Uncounted(ScriptedTeacher):
        async def propose(self, request: Request) -> Reply:
            return Reply(content="x", usage=Usage(calls=0))

    with pytest.raises(AssertionError, match="counts as 0"):
        await check_teacher(Uncounted({}), REQUEST)


def test_a_plugin_that_does_not_load_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "eagdata.verifiers.countdown", None)
    plugin_class.cache_clear()
    try:
        with pytest.raises(PrerequisiteError, match="does not load"):
            plugin_class("verifiers", "countdown")
    finally:
        plugin_class.cache_clear()
