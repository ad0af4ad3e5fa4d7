"""A run that is killed at any moment loses nothing that was paid for and ends in the same bytes."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from eagdata.records import Json
from tests.e2e.endpoint import endpoint
from tests.e2e.running import digests, eagdata

KILLS = 10
N = 36
SETTINGS = ("--teacher", "openai_chat", "--model", "program", "--concurrency", "4", "--set", "teacher.api_key_env=EAGDATA_TEST_KEY")


def arguments(folder: Path, url: str) -> list[object]:
    return ["generate", "quickstart", "--n", N, "--out", folder, "--base-url", url, *SETTINGS, "--set", "thresholds.min_kept=0.5"]


def journaled(folder: Path) -> list[Json]:
    """Keys of the completed calls."""
    if not (folder / "run.db").exists():
        return []
    db = sqlite3.connect(f"file:{folder / 'run.db'}?mode=ro", uri=True)
    try:
        return [row[0] for row in db.execute("SELECT key FROM replies")]
    except sqlite3.OperationalError:  # killed before the tables were there
        return []
    finally:
        db.close()


def test_ten_kills_repeat_no_completed_call_and_change_no_byte(tmp_path: Path) -> None:
    log, calm_log = tmp_path / "requests", tmp_path / "calm"
    with endpoint(calm_log) as url:
        started = time.monotonic()
        eagdata(*arguments(tmp_path / "calm_run", url), cwd=tmp_path)
        lasted = time.monotonic() - started
    moments, folder = random.Random(20), tmp_path / "run"
    with endpoint(log) as url:
        lost = []  # calls that were sent but not journaled when the run was killed: these alone may be sent again
        for _ in range(KILLS):
            _kill_after(moments.uniform(0.1, 0.9) * lasted * 0.6, arguments(folder, url), tmp_path)
            lost.append(len(set(log.read_text().split())) - len(journaled(folder)))
        eagdata(*arguments(folder, url), cwd=tmp_path)
    asked, calm = log.read_text().split(), calm_log.read_text().split()
    assert len(calm) == len(set(calm)) == len(journaled(tmp_path / "calm_run"))
    assert set(asked) == set(calm)
    assert max(lost) <= 2 * 4  # a node may ask for two samples at once, four tasks are in work
    assert len(asked) - len(set(asked)) <= sum(lost)
    assert digests(folder) == digests(tmp_path / "calm_run")


def test_a_journaled_call_is_never_sent_again(tmp_path: Path) -> None:
    log, folder = tmp_path / "requests", tmp_path / "run"
    with endpoint(log) as url:
        _kill_after(4.0, arguments(folder, url), tmp_path, until=lambda: len(journaled(folder)) > 20)
        sent, kept = len(log.read_text().split()), len(journaled(folder))
        assert kept > 0
        eagdata(*arguments(folder, url), cwd=tmp_path)
        asked = log.read_text().split()
    lost_in_flight = sent - kept
    assert lost_in_flight <= 8
    assert len(asked) - len(set(asked)) <= lost_in_flight
    assert len(journaled(folder)) == len(set(asked))


def _kill_after(delay_s: float, command: list[object], cwd: Path, until=None) -> None:  # type: ignore[no-untyped-def]
    process = subprocess.Popen(
        [sys.executable, "-m", "eagdata.cli", *map(str, command)], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, env={**os.environ},
    )  # fmt: skip
    deadline = time.monotonic() + (60 if until else delay_s)
    while time.monotonic() < deadline and process.poll() is None and not (until and until()):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
