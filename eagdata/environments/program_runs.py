"""Running a whole program on one input, in a process that has run nothing before: Python in the box that runs Python, any other language
by the compiler of the machine, in the box for commands."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from eagdata.contracts import Episode
from eagdata.environments import program_script as script
from eagdata.environments.box import BoxEnvironment
from eagdata.environments.episode import Limits
from eagdata.environments.sandbox.locations import search_path
from eagdata.records import Action, Json, Observation, Task

MOST_BYTES = 8 << 20
"""Of what a Python program may write; no judge asks for so much."""
_CHUNK_BYTES = 90_000
_OUTPUT_CHARS = 125_000
"""A chunk fits, in base64."""
_SHORT_BYTES = 4000
_COMPILE_TIMEOUT_S = 60.0
_COMMAND_CHARS = 400_000
"""Of the JSON that holds both outputs of a command; written as JSON once more it stays below the million bytes of a frame."""


@dataclass(frozen=True, slots=True)
class Language:
    """How a program is built and started: commands whose first word is found in the box's PATH."""

    file: str
    build: tuple[str, ...]
    """Empty: there is nothing to build."""
    start: tuple[str, ...]

    @property
    def tools(self) -> list[str]:
        """The programs of the machine that it needs."""
        return [words[0] for words in (self.build, self.start) if words and not words[0].startswith("./")]


# Optimised, as the judges of the field compile. Java gets one collector thread: it would take as many as the machine has processors.
LANGUAGES = {
    "c": Language("main.c", ("gcc", "-O2", "-o", "main", "main.c", "-lm"), ("./main",)),
    "cpp": Language("main.cpp", ("g++", "-O2", "-std=c++17", "-o", "main", "main.cpp"), ("./main",)),
    "go": Language("main.go", ("go", "build", "-o", "main", "main.go"), ("./main",)),
    "java": Language(
        "Main.java",
        ("javac", "-J-XX:+UseSerialGC", "Main.java"),
        ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss64m", "Main"),
    ),
    "javascript": Language("main.js", (), ("node", "main.js")),
    "rust": Language("main.rs", ("rustc", "-O", "-o", "main", "main.rs"), ("./main",)),
}


def missing_tools(language: Language) -> list[str]:
    """Programs that `language` needs and the box would not find."""
    return [tool for tool in language.tools if shutil.which(tool, path=search_path()) is None]


class Build(Protocol):
    """A program that can be run any number of times."""

    async def run(self, stdin: str) -> Observation:
        """If it ended by itself: status `ok`, with `exit`, `stdout`, `stderr` as JSON in `value`. Raises: EnvironmentFault."""
        ...

    async def close(self) -> None:
        """Give back what it holds. Twice is fine."""
        ...


def inner_task(task_id: str, limits: Limits, *, output_chars: int = _OUTPUT_CHARS, **config: Json) -> Task:
    """A task for an inner box."""
    shared: dict[str, Json] = {"timeout_s": limits.timeout_s, "memory_mb": limits.memory_mb, "output_chars": output_chars}
    return Task(id=task_id, question="", verifier="", environment_config=shared | config)


class PythonBuild:
    """A Python script: a fresh process for each run, and nothing between runs."""

    def __init__(self, python: BoxEnvironment, task_id: str, limits: Limits, source: str) -> None:
        self._python, self._task_id, self._limits, self._source = python, task_id, limits, source

    async def run(self, stdin: str) -> Observation:
        """As `Build.run`."""
        setup = (
            "__import__('sys').modules['_script'] = __import__('types').ModuleType('_script')\n"
            f"exec({_script()!r}, __import__('sys').modules['_script'].__dict__)\n"
        )
        box = await self._python.reset(inner_task(self._task_id, self._limits, setup=setup, files={script.STDIN: stdin}))
        try:
            seen = await box.step(_asked(f"run({self._source!r})"))
            return await _collected(box, seen) if seen.status == "ok" else seen
        except ValueError as error:
            return Observation(status="error", kind="protocol", text=f"The program meddled with its own process: {error}")
        finally:
            await box.close()

    async def close(self) -> None:
        """Nothing is held."""


class CompiledBuild:
    """A program in a folder where it was built; each run gets a copy of that folder."""

    def __init__(self, language: Language, folder: Episode, limits: Limits) -> None:
        self._language, self._folder, self._limits = language, folder, limits

    @classmethod
    async def of(
        cls, language: Language, commands: BoxEnvironment, task_id: str, limits: Limits, source: str
    ) -> CompiledBuild | Observation:
        """The build, or what the compiler says. Raises: EnvironmentFault."""
        folder = await commands.reset(inner_task(task_id, limits, output_chars=_COMMAND_CHARS, timeout_s=_COMPILE_TIMEOUT_S))
        try:
            seen = await folder.step(_exec(argv=[*language.build] or ["true"], files={language.file: source}))
            built = json.loads(seen.value or "") if seen.status == "ok" else {}
            if built.get("exit") == 0:
                return cls(language, folder, limits)
        except BaseException:
            await folder.close()
            raise
        await folder.close()
        return Observation(status="error", kind="CompileError", text=f"{built['stderr']}{built['stdout']}" if built else seen.text)

    async def run(self, stdin: str) -> Observation:
        """As `Build.run`."""
        fork = await self._folder.fork()
        try:
            seen = await fork.step(_exec(argv=[*self._language.start], stdin=stdin, timeout_s=self._limits.timeout_s))
        finally:
            await fork.close()
        if seen.status != "ok":
            return seen
        ran = json.loads(seen.value or "")
        if ran["timeout"]:
            return Observation(status="timeout", kind="timeout", text=f"Stopped after {self._limits.timeout_s:g} s.")
        if ran["cut"]:
            return Observation(status="limit", kind="output", text=f"The program wrote more than {_COMMAND_CHARS} characters.")
        return _ended(128 + ran["signal"] if ran["exit"] is None else ran["exit"], ran["stdout"], ran["stderr"])

    async def close(self) -> None:
        """Remove the folder."""
        await self._folder.close()


def _exec(**wanted: Json) -> Action:
    return Action(kind="exec", text=json.dumps(wanted))


def _ended(status: int, stdout: str, stderr: str) -> Observation:
    return Observation(status="ok", text="", value=json.dumps({"exit": status, "stdout": stdout, "stderr": stderr[-_SHORT_BYTES:]}))


async def _collected(box: Episode, seen: Observation) -> Observation:
    """What a script wrote before it ended, all of it if it ended well. Raises: ValueError for what no honest box would say."""
    status = int(seen.value or "")
    stdout = await _read(box, script.STDOUT, _SHORT_BYTES if status else MOST_BYTES)
    if len(stdout) >= MOST_BYTES:
        return Observation(status="limit", kind="output", text=f"The program wrote more than {MOST_BYTES >> 20} MB.")
    stderr = await _read(box, script.STDERR, _SHORT_BYTES)
    return _ended(status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


async def _read(box: Episode, name: str, most: int) -> bytes:
    """The first `most` bytes of a file in the box. Raises: ValueError if what comes is no such thing."""
    found = b""
    while (size := min(_CHUNK_BYTES, most - len(found))) > 0:
        seen = await box.step(_asked(f"read({name!r}, {len(found)}, {size})"))
        chunk = base64.b64decode((seen.value or "")[1:-1], validate=True) if seen.status == "ok" else b""
        if seen.status != "ok" or len(chunk) > size:
            raise ValueError(seen.text[-200:])
        found += chunk
        if len(chunk) < size:
            break
    return found


def _asked(call: str) -> Action:
    return Action(kind="python", text=f"__import__('sys').modules['_script'].{call}")


@cache
def _script() -> str:
    return Path(script.__file__).read_text(encoding="utf-8")
