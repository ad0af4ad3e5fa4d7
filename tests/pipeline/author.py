"""An endpoint that writes new tasks as models do, good ones and bad ones, and solves them in words."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from tests.endpoint import Answer
from tests.endpoint.shapes import completion, tokens
from tests.endpoint.voices import Seen

JUGS = "A cook fills 14 jugs with 3 litres each and spills 5 litres of it. How many litres of soup has the cook kept?"
TRAINS = "Two trains leave at noon, one at 40 and one at 65 kilometres an hour, in opposite directions. How far apart are they at 4?"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is written to one seed task, and what comes of it."""

    reply: str
    reason: str | None = None
    """Why it is no task; None: it is one."""
    solved: tuple[str, ...] = ()
    """What the solutions in words come to, one after the other; the last one repeats."""


def drafts(outside: Path) -> dict[str, Draft]:
    """By the marker in the question of the seed. `outside`: a file that the hostile program tries to write."""
    written = (
        ("alder", None, JUGS, "print(14 * 3 - 5)"),
        ("beech", "no_output", "A goat eats 4 kg a day. What do 6 goats eat in a week, in kg?", "eaten = 4 * 6 * 7"),
        ("cedar", "nondeterministic", "What is the sum of 9 thrown dice?", "import random\nprint(random.randrange(10**9) + 9)"),
        ("dogwood", "nondeterministic", "How many nanoseconds since the 1st of May?", "import time\nprint(time.time_ns() + 1)"),
        ("elder", "task_gate", "What do 17 melons of 12 coins each cost? The answer is 204.", "print(17 * 12)"),
        ("fir", "near_copy", seed_question("fir").replace("has", "owns"), "print(6 * 7 + 2)"),
        ("ginkgo", "program_error", "A field has 31 rows of 8 plants. How many grow?", f"open({str(outside)!r}, 'w')\nprint(31 * 8)"),
        ("juniper", "nothing_computed", "A rope of 96 m is cut into 8 parts. How long is each?", "length = 12\nprint(length)"),
        ("kapok", "many_lines", "Give all squares below 10.", "for i in range(4):\n    print(i * i)"),
        ("maple", "no_agreement", "A clerk stamps 45 letters in 9 minutes. How many in 2 hours?", "print(45 * 9 * 2)"),
        ("nutmeg", None, TRAINS, "a = 40 + 65\nprint(a * 4)"),
        ("pine", "task_gate", "Which colour does a ripe lemon have?", "print('yel' + 'low')"),
        ("quince", "program_error", "How much is 7 pears for 5 coins each?", "print(7 * 5"),
    )
    solved = {"alder": ("37",), "maple": ("600",), "nutmeg": ("100", "$420$")}
    known = {
        marker: Draft(reply=f"Problem: {question}\n```python\n{program}\n```", reason=reason, solved=solved.get(marker, ("0",)))
        for marker, reason, question, program in written
    }
    known["alder"] = replace(known["alder"], reply=known["alder"].reply.replace("```python", "```") + "\n\nOutput:\n```\n99\n```")
    return known | {
        "hazel": Draft(reply="Problem: A tap drips 20 times a minute. How often in an hour? Answer: 1200", reason="no_program"),
        "ivy": Draft(reply="", reason="no_program"),
        "larch": Draft(reply="```python\nprint(3 * 5)\n```", reason="no_question"),
    }


def seed_question(marker: str) -> str:
    """A seed task that no other is like."""
    return f"Mr {marker.title()} has 6 bags of 7 {marker} seeds and finds 2 more {marker} seeds in {marker}ville. How many has he?"


def write_recipe(where: Path, *, markers: list[str], url: str) -> Path:
    """A recipe over one seed task for each marker."""
    rows = [{"id": marker, "question": seed_question(marker), "answer": "44"} for marker in markers]
    (where / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = where / "trees.yaml"
    recipe.write_text(f"""\
name: trees
n: {len(markers)}
concurrency: 3
tasks:
  kind: jsonl
  path: {where / "seeds.jsonl"}
  fields: {{id: id, question: question, answer: answer}}
  source: arboretum
  license: MIT
teacher: {{kind: openai_chat, model: tiny-1, base_url: {url}, max_tokens: 300, wait_s: 0.01}}
search: {{kind: best_of_n}}
environment: {{kind: python}}
""")
    return recipe


class Author:
    """A voice of the endpoint: a draft for the seed that is shown, an answer to a question that was written."""

    def __init__(self, known: dict[str, Draft]) -> None:
        self._known = known
        self._turns: dict[str, list[str]] = {}

    async def __call__(self, seen: Seen) -> Answer:
        system, question = seen.messages[0]["content"], seen.messages[-1]["content"]
        if system.startswith("You write new problems"):
            marker = next(marker for marker in self._known if f"Mr {marker.title()} " in question)
            said = self._known[marker].reply
        else:
            solved = next(draft.solved for draft in self._known.values() if question in draft.reply)
            turns = self._turns.setdefault(question, [])
            turns += [call for call in seen.calls if call not in turns]  # one that is asked again is told the same
            said = f"So it is \\boxed{{{solved[min(turns.index(seen.calls[0]), len(solved) - 1)]}}}."
        usage = {"prompt_tokens": seen.prompt_tokens, "completion_tokens": tokens(said)}
        return Answer(body=completion(said) | {"usage": usage})
