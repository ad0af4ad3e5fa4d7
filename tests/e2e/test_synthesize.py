"""`eagdata synthesize`, as a user runs it: interrupted, killed, resumed, and its tasks put to use."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import yaml

from tests.e2e.running import digests, eagdata, last_json
from tests.endpoint import Dials, Endpoint, serving
from tests.pipeline.author import Author, drafts, write_recipe

DIALS = Dials(latency_s=0.15)
MARKERS = ("alder", "beech", "cedar", "elder", "ginkgo", "ivy", "maple", "nutmeg")
"""Without the draft whose program prints the time: what its evidence quotes is never the same."""


def cut_off(number: int, *command: object, cwd: Path, server: Endpoint, after: int) -> str:
    """What a command says that gets a signal once so many calls were answered."""
    run = [sys.executable, "-m", "eagdata.cli", *map(str, command)]
    with subprocess.Popen(run, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while process.poll() is None and len(server.books.answers) < after:
            time.sleep(0.005)
        process.send_signal(number)
        _, said = process.communicate()
    assert process.returncode == (130 if number == signal.SIGINT else -number), said
    return said


def test_a_run_that_was_interrupted_and_killed_ends_in_the_same_bytes_and_repeats_no_call(tmp_path: Path) -> None:
    known = {marker: draft for marker, draft in drafts(tmp_path / "escaped").items() if marker in MARKERS}
    with serving(Author(known), dials=DIALS) as server:
        command = ("synthesize", write_recipe(tmp_path, markers=list(known), url=server.url), "--shots", 1, "--concurrency", 2)
        calm = last_json(eagdata(*command, "--out", "calm", "--json", cwd=tmp_path))
        calls = len(server.books.entries)
    with serving(Author(known), dials=DIALS) as server:
        command = ("synthesize", write_recipe(tmp_path, markers=list(known), url=server.url), "--shots", 1, "--concurrency", 2)
        said = cut_off(signal.SIGINT, *command, "--out", "run", cwd=tmp_path, server=server, after=5)
        assert "resume with: eagdata synthesize" in said
        interrupted = len(server.books.entries)
        assert 5 <= interrupted < calls
        cut_off(signal.SIGKILL, *command, "--out", "run", cwd=tmp_path, server=server, after=calls - 6)
        time.sleep(0.3)  # requests of the killed may still lie in the server's buffers
        lost = len(server.books.entries)
        resumed = last_json(eagdata(*command, "--out", "run", "--json", cwd=tmp_path))
        asked = Counter(call for entry in server.books.entries for call in entry.calls)
    assert calls <= asked.total() <= calls + 2, "only what was in flight at the kill is asked again"
    assert len(asked) == calls
    assert lost > interrupted
    assert resumed["counts"] == calm["counts"]
    assert digests(tmp_path / "run") == digests(tmp_path / "calm")


def test_new_tasks_are_solved_like_any_others(tmp_path: Path) -> None:
    """The section that is printed, in the place of the recipe's own."""
    known = drafts(tmp_path / "escaped")
    two = {marker: known[marker] for marker in ("alder", "nutmeg")}
    with serving(Author(two)) as server:
        recipe = write_recipe(tmp_path, markers=list(two), url=server.url)
        done = eagdata("synthesize", recipe, "--shots", 1, "--out", "new", cwd=tmp_path)
    assert "2 kept + 0 rejected + 0 failed + 0 unspent = 2 planned" in done.stderr
    recipe.write_text(yaml.safe_dump(yaml.safe_load(recipe.read_text()) | yaml.safe_load(done.stdout)))
    gate = last_json(eagdata("doctor", recipe, "--json", cwd=tmp_path))["gate"]
    assert (gate["tasks"], gate["failing"]) == (2, 0)


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, markers=["alder"], url="http://127.0.0.1:9/v1")
    assert last_json(eagdata("synthesize", recipe, "--dry-run", "--json", cwd=tmp_path))["teacher_calls_at_most"] == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seeds.jsonl", "trees.yaml"]
    error = json.loads(eagdata("synthesize", recipe, "--teacher", "procedural", "--json", cwd=tmp_path, check=2).stdout)["error"]
    assert "writes no new tasks" in error["what"]
