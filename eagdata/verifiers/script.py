"""Judge of a workspace: a script of the task is run beside it, in a place that the branch could never write to.

Covered: the script and its files come into being after every process of the branch has ended, and only in a private fork; variables,
PATH, aliases, start-up files and preloaded libraries of the branch have no effect; an exit status that is printed, a planted script of
the same name. Not covered: a script that runs, imports or sources files of the workspace gives them its powers: let it compare files and
outputs, and start Python as `python3 -I`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from eagdata.contracts import NOWHERE, CleanRoom, Episode, settings
from eagdata.errors import VerifierError
from eagdata.records import Action, Check, Json, Observation, Task, Verdict


class ScriptVerifier:
    """Passes if the command of the reference exits with 0, and has written what is expected if the reference says what.

    Reference: `{"command": "bash verify.sh", "files": {"verify.sh": text}, "output": text}`, `files` and `output` optional. The command
    is bash, its folder is /verify and holds the files alone; the workspace is /box. `output` is compared whole, both outputs together.
    """

    judges: ClassVar[Literal["answer", "state"]] = "state"

    @settings
    class Config:
        """Nothing can be set."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def instructions(self) -> str:
        return "Do in the workspace what is asked; when it is done, write done in the box."

    async def verify(self, task: Task, answer: str | None, episode: Episode | None, clean: CleanRoom = NOWHERE) -> Verdict:
        command, files, output = _reference(task)
        if episode is None:
            evidence = "there is no workspace to judge"
            return Verdict(status="unscored", checks=(Check(id="exit", status="unscored", evidence=evidence),))
        seen = await episode.step(Action(kind="verify", text=json.dumps({"command": command, "files": files})))
        if seen.status == "timeout":
            return Verdict(status="timeout", reward=0.0, checks=(Check(id="exit", status="timeout", evidence=seen.text),))
        if seen.status == "limit":
            return _verdict(Check(id="exit", status="fail", measured=seen.kind, evidence=seen.text))
        ended = _ended(task, seen)
        how = f"exit {ended['exit']}" if ended["exit"] is not None else f"signal {ended['signal']}"
        checks = [Check(id="exit", status="pass" if ended["exit"] == 0 else "fail", measured=how, evidence=str(ended["tail"]))]
        if output is not None:
            same = ended["output_sha256"] == hashlib.sha256(output.encode()).hexdigest()
            checks.append(Check(id="output", status="pass" if same else "fail", evidence=str(ended["tail"])))
        return _verdict(*checks)

    def supported(self, answer: str, outputs: Sequence[str]) -> bool:
        """Whether anything was run: the script judges the workspace, not the answer."""
        return bool(outputs)


def _verdict(*checks: Check) -> Verdict:
    passed = all(check.status == "pass" for check in checks)
    return Verdict(status="pass" if passed else "fail", reward=float(passed), checks=checks)


def _ended(task: Task, seen: Observation) -> dict[str, Json]:
    """How the command ended. Raises: VerifierError for an environment that does not judge by scripts, or could not."""
    try:
        found = json.loads(seen.value or "")
    except ValueError:
        found = None
    if seen.status != "ok" or not isinstance(found, dict) or not {"exit", "signal", "output_sha256", "tail"} <= found.keys():
        raise VerifierError(
            f"task {task.id!r}: its script could not be run",
            why=f"{seen.kind or seen.status}: {seen.text[-300:]}",
            mend=f"use verifier 'script' with environment 'shell', not {task.environment!r}",
        )
    return found


def _reference(task: Task) -> tuple[str, dict[str, str], str | None]:
    """Command, files, expected output. Raises: VerifierError."""
    given = task.reference if isinstance(task.reference, dict) else {}
    command, files, output = given.get("command"), given.get("files", {}), given.get("output")
    if isinstance(command, str) and command.strip() and isinstance(files, dict) and isinstance(output, str | None):
        texts = {name: text for name, text in files.items() if isinstance(text, str) and _is_inside(name)}
        if len(texts) == len(files):
            return command, texts, output
    raise VerifierError(
        f"task {task.id!r} has no usable script reference: {task.reference!r}",
        mend='give reference as {"command": "bash verify.sh", "files": {"verify.sh": "test -e /box/a.txt"}}',
        retryable=False,
    )


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and "\0" not in name and not path.is_absolute() and ".." not in path.parts
