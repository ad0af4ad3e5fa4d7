"""A teacher without a model: it knows a method for each built-in family, slips as people do, and mends what it sees fail.

It reads the question and the observations like any teacher, and nothing else. It makes whole runs possible without a key or
a network, with real errors, real feedback and real recoveries, at no cost.
"""

from __future__ import annotations

from random import Random
from types import TracebackType
from typing import Self

from eagdata.contracts import UNMETERED, Meter, Reply, Request, settings
from eagdata.errors import RecipeError, TeacherError
from eagdata.records import Json, Message, Usage, canonical, sha256
from eagdata.teachers.methods import recognise
from eagdata.teachers.methods.compose import Odds, next_reply
from eagdata.teachers.methods.conversation import read
from eagdata.teachers.methods.plan import Plan, Walk


class ProceduralTeacher:
    """Each reply is a pure function of the request: the same messages, seed and sample give the same words."""

    name = "procedural"
    price = None

    @settings
    class Config:
        slip_rate: float = 0.4
        """Chance that a first attempt at a task makes a mistake that an observation then shows, from 0 to 1."""
        blind_rate: float = 0.1
        """Chance that an attempt misreads the question in a way that its own checks cannot notice, from 0 to 1."""
        relapse_rate: float = 0.12
        """Chance that a repair holds another mistake of the hand, from 0 to 1."""
        merge_rate: float = 0.2
        """Chance that two steps are taken in one block, from 0 to 1."""

    def __init__(self, config: Config) -> None:
        """Raises: RecipeError for a rate outside 0 to 1."""
        rates = {
            "slip_rate": config.slip_rate,
            "blind_rate": config.blind_rate,
            "relapse_rate": config.relapse_rate,
            "merge_rate": config.merge_rate,
        }
        for key, rate in rates.items():
            if not 0 <= rate <= 1:
                raise RecipeError(f"teacher.{key} is {rate!r}", why="it is a chance", mend="give a number from 0 to 1")
        self._config = config
        self._odds = Odds(slip=config.slip_rate, blind=config.blind_rate, relapse=config.relapse_rate, merge=config.merge_rate)

    async def propose(self, request: Request, meter: Meter = UNMETERED) -> Reply:
        """The next step, repair or answer. Without a Python environment in the system prompt: reasoning and an answer.

        Raises: TeacherError if the question is not of a built-in family, or the protocol is `tool`.
        """
        if request.tools:
            why = "it writes its actions as fenced blocks"
            raise TeacherError("the procedural teacher calls no tools", why=why, mend="set protocol: fence", retryable=False)
        question, turns = read(request.messages)
        plan = recognise(question)
        if plan is None:
            raise TeacherError(
                f"the procedural teacher does not know this kind of question: {question[:80]!r}",
                why="it has a method for the built-in procedural families and for nothing else",
                mend="use it with tasks.kind: procedural, or take a model: --teacher openai_chat",
                retryable=False,
            )
        rng = _stream(request)
        if _has_python(request.messages) and plan.wander:
            walk = Walk(
                rng=rng, search=request.group, sample=request.sample, slip=self._config.slip_rate, relapse=self._config.relapse_rate
            )
            content = plan.wander(turns, walk)
        elif _has_python(request.messages):
            content = next_reply(plan, turns, rng, odds=self._odds)
        else:
            content = _from_the_head(plan, rng, blind=self._config.blind_rate)
        usage = Usage(calls=1, prompt_tokens=None, completion_tokens=None, cost_usd=0.0)
        return Reply(content=content, finish_reason="stop", usage=usage, model=self.name)

    def most(self, request: Request) -> Usage:
        """A program costs nothing; its words are counted in no model's tokens."""
        return Usage(calls=1, prompt_tokens=None, completion_tokens=None, cost_usd=0.0)

    def waiting(self) -> None:
        """Never."""

    def sampling(self) -> dict[str, Json]:
        config = self._config
        return {
            "teacher": self.name,
            "slip_rate": config.slip_rate,
            "blind_rate": config.blind_rate,
            "relapse_rate": config.relapse_rate,
            "merge_rate": config.merge_rate,
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        return None


def _stream(request: Request) -> Random:
    """Randomness of one call. The conversation is part of it, so that one seed does not slip alike in every task."""
    said: list[Json] = [message.content for message in request.messages]
    return Random(int(sha256(canonical([request.seed, request.sample, said]))[:16], 16))


def _has_python(messages: tuple[Message, ...]) -> bool:
    return any("```python" in message.content for message in messages if message.role == "system")


def _from_the_head(plan: Plan, rng: Random, *, blind: float) -> str:
    text, answer = plan.head()
    if rng.random() < blind and answer.lstrip("-").isdigit():
        answer = str(int(answer) + rng.choice((-1, 1)))
    return f"{text}\n\n\\boxed{{{answer}}}"
