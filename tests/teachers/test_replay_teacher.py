from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from eagdata.contracts import UNMETERED, Meter, Reply, Request
from eagdata.errors import PrerequisiteError, RecipeError, TeacherError
from eagdata.records import Json, Message, Usage
from eagdata.teachers.openai_chat import OpenAIChatTeacher
from eagdata.teachers.replay import RecordingTeacher, ReplayTeacher
from eagdata.testing import ScriptedTeacher
from tests.endpoint import Answer, Endpoint, completion

REAL = Path(__file__).parents[3] / "shared" / "data" / "real_replies.jsonl"


def request(*texts: str, sample: int = 0) -> Request:
    roles = ("user", "assistant", "user", "assistant")
    return Request(messages=tuple(Message(role=r, content=t) for r, t in zip(roles, texts, strict=False)), seed=1, sample=sample)  # type: ignore[arg-type]


def line(prompt: str, *replies: str, model: str = "m", **asked: object) -> str:
    choices = [choice for text in replies for choice in completion(text)["choices"]]  # type: ignore[attr-defined]
    body = {"request": {"model": model, "messages": [{"role": "user", "content": prompt}], **asked}, "response": {"choices": choices}}
    return json.dumps(body) + "\n"


def replay(path: Path, **settings: str) -> ReplayTeacher:
    return ReplayTeacher(ReplayTeacher.Config(path=str(path), **settings))


async def test_what_was_recorded_from_an_endpoint_is_said_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl.gz"
    call = [{"id": "c1", "type": "function", "function": {"name": "run", "arguments": "{}"}}]
    script = [Answer(body=completion("a", reasoning="hm", tool_calls=call)), Answer(body=completion("b", finish_reason="length"))]
    asked = [request("2+2?"), request("2+2?", sample=1)]
    async with Endpoint(script) as server:
        inner = OpenAIChatTeacher(OpenAIChatTeacher.Config(model="tiny-1", base_url=server.url, temperature=0.0))
        async with RecordingTeacher(inner, path) as recorder:
            told: list[Reply] = [await recorder.propose(one) for one in asked]
    async with replay(path) as teacher:
        assert [await teacher.propose(one) for one in asked] == told
        assert teacher.name == "tiny-1"


async def test_choices_and_repeated_calls_are_the_samples_of_a_prompt(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(line("q", "first", temperature=0) + line("q", "first again", temperature=0) + line("q", "b", "c", temperature=0.8))
    async with replay(path) as teacher:
        assert [(await teacher.propose(request("q", sample=i))).content for i in range(3)] == ["first", "b", "c"]
        with pytest.raises(TeacherError, match=r"sample 3 .* recorded are \[0, 1, 2\]") as caught:
            await teacher.propose(request("q", sample=3))
    assert not caught.value.retryable


class Siblings(ScriptedTeacher):
    """Replies of one request: the first bears its usage."""

    async def propose(self, request: Request, meter: Meter = UNMETERED) -> Reply:
        usage = Usage(calls=1, prompt_tokens=9, completion_tokens=None) if request.sample == 0 else Usage()
        extra: dict[str, Json] = {"id": "one", "logprobs": {"content": []}}
        return Reply(content=f"{request.sample}", finish_reason="stop", usage=usage, model="m", extra=extra)


async def test_siblings_that_came_in_one_request_count_as_one_call_when_they_are_said_again(tmp_path: Path) -> None:
    asked = [request("q", sample=sample) for sample in range(3)]
    async with RecordingTeacher(Siblings({}), tmp_path / "calls.jsonl") as recorder:
        told = [await recorder.propose(one) for one in asked]
    async with replay(tmp_path / "calls.jsonl") as teacher:
        assert [await teacher.propose(one) for one in asked] == told
    assert [reply.usage.calls for reply in told] == [1, 0, 0]


async def test_of_a_recorded_request_for_several_the_first_sample_bears_the_usage(tmp_path: Path) -> None:
    recorded = json.loads(line("q", "a", "b"))
    recorded["response"]["usage"] = {"prompt_tokens": 9, "completion_tokens": 4}
    (tmp_path / "calls.jsonl").write_text(json.dumps(recorded))
    async with replay(tmp_path / "calls.jsonl") as teacher:
        first, second = [(await teacher.propose(request("q", sample=sample))).usage for sample in range(2)]
    assert second + first == Usage(calls=1, prompt_tokens=9, completion_tokens=4)


async def test_an_empty_answer_in_a_recording_is_a_reply(tmp_path: Path) -> None:
    (tmp_path / "calls.jsonl").write_text(line("q"))
    async with replay(tmp_path / "calls.jsonl") as teacher:
        assert (await teacher.propose(request("q"))).finish_reason == "empty"


async def test_a_greedy_recording_answers_every_sample_alike(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(line("q", "same", temperature=0))
    async with replay(path) as teacher:
        assert (await teacher.propose(request("q", sample=5))).content == "same"


async def test_an_unknown_prompt_is_refused_with_the_first_line_that_differs(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(line("other", "x") + line("one\ntwo\nthree", "x"))
    async with replay(path) as teacher:
        with pytest.raises(TeacherError, match="message 1, line 2: recorded 'two', asked 'TWO'"):
            await teacher.propose(request("one\nTWO\nthree"))
        with pytest.raises(TeacherError, match="message 2, recorded none, asked one more"):
            await teacher.propose(request("other", "x", "y"))


async def test_only_the_model_asked_for_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(line("q", "small", model="s") + line("q", "large", model="l"))
    async with replay(path, model="l") as teacher:
        assert (await teacher.propose(request("q"))).content == "large"
        assert teacher.sampling() == {"model": "l", "recording": "calls.jsonl"}
    with pytest.raises(RecipeError, match="no call in it asks model 'x'"):
        async with replay(path, model="x"):
            pass


@pytest.mark.parametrize("bad", ["{", "[]", "{}", '{"request": {"messages": [{}]}, "response": {}}', line("q").replace("[]", "{}")])
async def test_a_line_that_is_no_call_is_named(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(line("q", "x") + "\n" + bad)
    with pytest.raises(RecipeError, match=r"calls.jsonl:3 is no recorded call"):
        async with replay(path):
            pass


async def test_a_recording_that_cannot_be_read_is_a_prerequisite(tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(line("q", "x" * 5000).encode())[:-20])
    for name in ("missing.jsonl", "cut.jsonl.gz"):
        with pytest.raises(PrerequisiteError, match="cannot read"):
            async with replay(tmp_path / name):
                pass


@pytest.mark.skipif(not REAL.exists(), reason="the recording of real models is not here")
async def test_real_recorded_calls_are_all_found_again() -> None:
    async with replay(REAL) as teacher:
        for text in REAL.read_text().splitlines()[::10]:
            recorded = json.loads(text)
            messages = tuple(Message(**message) for message in recorded["request"]["messages"])
            assert (await teacher.propose(Request(messages=messages, seed=0))).finish_reason in ("stop", "length")
