"""The key of an endpoint is in no file of a run folder, no log, no error: whatever the server does with it, however the run ends."""

from __future__ import annotations

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.endpoint import Dials, Endpoint, Procedural, serving

KEYS = ("sk-proj-7Gh2kLm9/xQ+z4Rt6Yv8", "Zq7/fX+9=hV2w8Jt5Lm")
"""One as OpenAI's look, and one that looks like nothing in particular; both differ when they are URL-encoded."""
PATIENT = ("--set", "teacher.wait_s=0.01", "--set", "teacher.attempts=2", "--set", "teacher.timeout_s=1", "--set", "teacher.deadline_s=2")
LOUD = "import logging; logging.basicConfig(level=logging.DEBUG, filename='debug.log'); from eagdata.cli import main; main()"


both_keys = pytest.mark.parametrize("key", KEYS, ids=["usual", "unusual"])


@pytest.fixture
def key() -> str:
    return KEYS[1]


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with serving(Procedural()) as found:
        yield found


class Run:
    """The command line, with its key in the environment, all logging on, and everything that it says kept."""

    def __init__(self, cwd: Path, server: Endpoint, key: str) -> None:
        self.cwd, self.server, self.key = cwd, server, key
        self.said = ""

    def start(self, *arguments: object, loud: bool = True) -> subprocess.Popen[str]:
        head = ["-c", LOUD] if loud else ["-m", "eagdata.cli"]
        env = {**os.environ, "OPENAI_API_KEY": self.key, "OPENAI_LOG": "debug"}
        return subprocess.Popen(
            [sys.executable, *head, *map(str, arguments)],
            cwd=self.cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def generate(self, *more: object, n: int = 6) -> list[object]:
        url = self.server.url
        return ["generate", "quickstart", "--n", n, "--out", "run", "--teacher", "openai_chat", "--model", "m", "--base-url", url, *more]

    def ended(self, process: subprocess.Popen[str]) -> int:
        out, err = process.communicate(timeout=120)
        self.said += out + err
        return process.returncode

    def __call__(self, *more: object, loud: bool = True, **how: Any) -> int:
        """The exit code of `generate`."""
        return self.ended(self.start(*self.generate(*more, **how), loud=loud))

    def is_clean(self, *, received: bool = True) -> None:
        """Nothing that it said or wrote holds the key, and the server was given it."""
        if received:
            assert {seen.headers["authorization"] for seen in self.server.seen} == {f"Bearer {self.key}"}
        assert leaks(self.cwd, self.key) == []
        assert [form for form in forms(self.key) if form in self.said.encode()] == []


def forms(key: str) -> list[bytes]:
    """The key as it stands, escaped, and what base64 makes of it wherever it begins in a text."""
    raw = key.encode()
    coded = []
    for coder in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            whole = coder(b"\0" * shift + raw)
            coded.append(whole[4 if shift else 0 : len(whole) // 4 * 4 - 4])  # without the ends, which depend on what is beside it
    return [raw, quote(key).encode(), quote(key, safe="").encode(), raw.hex().encode(), json.dumps(key)[1:-1].encode(), *coded]


def leaks(folder: Path, key: str) -> list[str]:
    """Files that hold the key in any form, compressed contents unpacked."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    raw = [path.read_bytes() for path in files]  # all of it before a journal is opened, which tidies up beside it
    assert files
    told = [b"\n".join((text, *_unpacked(path))) for path, text in zip(files, raw, strict=True)]
    return [str(path.relative_to(folder)) for path, text in zip(files, told, strict=True) if any(form in text for form in forms(key))]


def _unpacked(path: Path) -> Iterator[bytes]:
    if path.suffix == ".parquet":
        yield json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False, default=str).encode("utf-8", "replace")
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as db:
            for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for row in db.execute(f"SELECT * FROM {table}"):
                    yield from map(_inflated, row)


def _inflated(value: object) -> bytes:
    raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
    try:
        return zlib.decompress(raw)
    except zlib.error:
        return raw


@pytest.fixture
def run(tmp_path: Path, server: Endpoint, key: str) -> Run:
    return Run(tmp_path, server, key)


@both_keys
def test_the_search_finds_a_key_wherever_it_is(tmp_path: Path, key: str) -> None:
    told = f"Authorization: Bearer {key}, and more"
    db = sqlite3.connect(tmp_path / "run.db")
    db.execute("CREATE TABLE traces (body BLOB)")
    db.execute("INSERT INTO traces VALUES (?)", (zlib.compress(told.encode()),))
    db.commit()
    db.close()
    pq.write_table(pa.table({"text": [told]}), tmp_path / "rows.parquet", compression="zstd")
    for shift in range(3):
        (tmp_path / f"base64-{shift}").write_bytes(base64.b64encode(b"x" * shift + told.encode()))
    (tmp_path / "url").write_text(f"http://x/?key={quote(key, safe='')}&n=1")
    (tmp_path / "json").write_text(json.dumps([told]))
    (tmp_path / "innocent").write_text("Authorization: Bearer ***")
    assert leaks(tmp_path, key) == sorted(["run.db", "rows.parquet", "base64-0", "base64-1", "base64-2", "url", "json"])


def test_a_finished_run_holds_no_key(run: Run) -> None:
    faults = {"fail": 0.1, "error_in_200": 0.1, "malformed": 0.1, "wrong_type": 0.1, "throttle": 0.1, "cut": 0.1}
    run.server.dials = Dials(quotes_key=True, deck=10, retry_after=("none",), **faults)
    lenient = ("--set", "teacher.wait_s=0.01", "--set", "teacher.attempts=30", "--set", "thresholds.min_kept=0.1")
    assert run(*lenient, "--json", "--max-tokens", 10**9) == 0
    assert set(run.server.books.cards) == {*faults, None}
    assert (run.cwd / "debug.log").stat().st_size
    trace = pq.read_table(run.cwd / "run" / "data" / "trajectories", columns=["trace_id"]).to_pylist()[0]["trace_id"]
    assert run.ended(run.start("show", "run", trace)) == 0
    run.is_clean()


@both_keys
def test_a_refused_key_is_not_told(run: Run) -> None:
    run.server.dials = Dials(refuse=1.0, quotes_key=True)
    assert run(*PATIENT) == 3
    assert run("--json", *PATIENT) == 3
    assert "***" in run.said, "the server's own words are shown, without the key"
    run.is_clean()


@pytest.mark.parametrize("card", ["fail", "error_in_200", "malformed", "wrong_type", "throttle", "reset"])
def test_a_run_that_gives_up_does_not_tell_the_key(run: Run, card: str) -> None:
    run.server.dials = Dials(**{card: 1.0}, quotes_key=True, retry_after=("none",))
    assert run(*PATIENT, n=3) == 4
    run.is_clean()


def test_a_run_that_is_stopped_or_killed_does_not_tell_the_key(run: Run) -> None:
    run.server.dials = Dials(latency_s=0.05, fail=0.1, quotes_key=True, deck=10)
    for how, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        process, before = run.start(*run.generate(n=60)), len(run.server.books.answers)
        deadline = time.monotonic() + 60
        while len(run.server.books.answers) < before + 15 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(how)
        assert run.ended(process) == code
    assert run("--resume") == 5, "another plan is there"
    run.is_clean()


def test_a_spent_budget_does_not_tell_the_key(run: Run) -> None:
    run.server.dials = Dials(quotes_key=True, fail=0.1, deck=10)
    assert run("--max-tokens", 20_000, *PATIENT) == 1
    run.is_clean()


MISTAKES = (
    "base_url=http://me:{url}@127.0.0.1:9/v1",
    "base_url=http://127.0.0.1:9/v1?api_key={url}",
    "base_url={raw}",
    "api_key_env={raw}",
)


@pytest.mark.parametrize("setting", MISTAKES)
def test_a_key_given_in_the_wrong_place_is_refused_and_written_nowhere(run: Run, setting: str) -> None:
    (run.cwd / "here").touch()
    given = ("--set", "teacher." + setting.format(url=quote(run.key, safe=""), raw=run.key))
    assert run.ended(run.start("generate", "quickstart", "--out", "run", "--teacher", "openai_chat", "--model", "m", *given)) == 2
    run.is_clean(received=False)


def test_looking_around_does_not_tell_the_key(run: Run) -> None:
    (run.cwd / "here").touch()
    assert run("--dry-run", "--json") == 0
    run.ended(run.start("doctor", "quickstart"))
    run.is_clean(received=False)
