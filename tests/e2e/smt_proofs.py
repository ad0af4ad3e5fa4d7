"""Small proofs, some of them with a false step: tasks for the recipe `prm_smt` and replies to be replayed, written by hand."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from eagdata.environments.smt import SmtEnvironment
from eagdata.exporters.turns import observation_text
from eagdata.pipeline.building import verifier_of
from eagdata.pipeline.crew import prompt_of, task_source
from eagdata.plan import Plan
from eagdata.recipe import read_plan
from eagdata.records import Action, Json, Message, Task
from eagdata.teachers.wire import message_json

Theory = tuple[list[str], list[str]]
"""Declarations and premises."""

TASKS: dict[str, tuple[str, Theory, str]] = {
    "parity": (
        "n is odd. What is left of its square divided by 4?",
        (["(declare-const n Int)", "(declare-const k Int)"], ["(= n (+ (* 2 k) 1))"]),
        "(= (mod (* n n) 4) 1)",
    ),
    "bounds": (
        "y is twice x and x is above 3. How small can y + x be?",
        (["(declare-const x Int)", "(declare-const y Int)"], ["(> x 3)", "(= y (* 2 x))"]),
        "(>= (+ x y) 12)",
    ),
    "knights": (
        "Of two people one is a knight, and if b is one then so is a. Who is a?",
        (["(declare-const a Bool)", "(declare-const b Bool)"], ["(xor a b)", "(=> b a)"]),
        "a",
    ),
}
"""Name -> question, theory and goal."""

LINES: dict[str, list[list[str]]] = {
    "parity": [
        ["(step s1 (= (* n n) (+ (* 4 (* k k)) (* 4 k) 1)))", "(step s2 (= (mod (* n n) 4) 1))", "done"],
        ["(step s1 (= (mod n 4) 1))", "(step s2 (= (* n n) (+ (* 4 (* k k)) (* 4 k) 1)))", "(step s3 (= (mod (* n n) 4) 1))", "done"],
        ["(step s1 (> n 0))", "done, the wrong way"],
        ["(step s1 (= (mod n 2) 1))", "done, the wrong way"],
    ],
    "bounds": [
        ["(step s1 (>= x 4))", "(step s2 (>= y 8))", "(step s3 (>= (+ x y) 12))", "done"],
        ["(step s1 (>= (+ x y) 12))", "done"],
        ["(step s1 (>= y 9))", "(step s2 (>= x 4))", "(step s3 (>= (+ x y) 13))", "(step s4 (>= (+ x y) 12))", "done"],
        ["(step s1 (= (mod y 2) 0))", "(step s2 (= (mod x 2) 0))", "done, the wrong way"],
    ],
    "knights": [
        ["(step s1 (not b))", "(step s2 a)", "done"],
        ["(step s1 b)", "(step s2 (or a b))", "(step s3 a)", "done"],
        ["(step s1 a)", "done"],
        ["(step s1 (and a b))", "done, the wrong way"],
    ],
}
"""Name -> lines; each a list of steps and, at its end, the answer."""


def write_proofs(folder: Path) -> dict[str, Theory]:
    """Write `proofs.jsonl` and `replies.jsonl`; gives the theory of each task by its id."""
    with (folder / "proofs.jsonl").open("w") as out:
        for question, (declared, premises), goal in TASKS.values():
            theory = "\n".join([*declared, *(f"(assume {premise})" for premise in premises)])
            out.write(json.dumps({"question": question, "theory": theory, "goal": goal}) + "\n")
    plan = read_plan("prm_smt", overrides={"tasks.path": str(folder / "proofs.jsonl")})
    tasks = dict(zip(TASKS, task_source(plan).tasks(None, seed=plan.seed), strict=True))
    with (folder / "replies.jsonl").open("w") as out:
        for call in asyncio.run(_calls(plan, tasks)):
            out.write(json.dumps(call) + "\n")
    return {task.id: TASKS[name][1] for name, task in tasks.items()}


async def _calls(plan: Plan, tasks: dict[str, Task]) -> list[Json]:
    """Request and reply of each turn. What a request shows of the turns before it is what Z3 says of them now."""
    calls: list[Json] = []
    async with SmtEnvironment(SmtEnvironment.Config()) as environment:
        for name, task in tasks.items():
            prompt = prompt_of(plan, task, environment, verifier_of(task, {}), raw=False, asked=True)
            for sample, line in enumerate(LINES[name]):
                messages, episode = list(prompt), await environment.reset(task)
                for turn, step in enumerate(line):
                    reply = f"I claim this.\n\n```smt\n{step}\n```" if step.startswith("(") else f"I am {step}: \\boxed{{done}}"
                    asked: Json = {"messages": [message_json(message) for message in messages]}
                    said: Json = {"choices": [{"message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}]}
                    calls.append({"request": asked, "response": said, "sample": 0 if turn else sample})
                    if step.startswith("("):
                        seen = await episode.step(Action(kind="smt", text=step))
                        messages += [Message(role="assistant", content=reply), Message(role="user", content=observation_text(seen))]
                await episode.close()
    return calls
