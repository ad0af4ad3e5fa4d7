"""What a user is told when something is wrong: what, why, how to mend it, and the exit code."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.running import eagdata
from tests.endpoint import Dials, Procedural, serving

JSONL = ("generate", "gsm8k", "--n", 3, "--set", "tasks.path=rows.jsonl")


def rows(folder: Path, text: str = '{"question": "What is 1 + 1?", "answer": "#### 2"}\n') -> None:
    (folder / "rows.jsonl").write_text(text)


def told(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """The error has all three parts, and says these words."""
    assert "error:" in done.stderr, done.stderr
    assert "why:" in done.stderr
    assert "mend:" in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_broken_recipe_shows_every_problem_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("tasks: procedurl\nteacher: procedural\nsearch: {kind: eag, widht: 2}\nenvironment: python\nn: -3\n")
    told(eagdata("generate", "r.yaml", cwd=tmp_path, check=2), "r.yaml:1", "r.yaml:3", "r.yaml:5", "did you mean 'width'?")


def test_an_error_is_an_object_with_json(tmp_path: Path) -> None:
    done = eagdata("generate", "nothing", "--json", cwd=tmp_path, check=2)
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "RecipeError"
    assert set(error) == {"kind", "what", "why", "mend"}


def test_a_missing_key_is_named_before_any_call(tmp_path: Path) -> None:
    rows(tmp_path)
    told(eagdata(*JSONL, "--model", "gpt-x", cwd=tmp_path, check=3), "OPENAI_API_KEY", "export OPENAI_API_KEY=")


def test_an_unreachable_endpoint_ends_the_run_resumable(tmp_path: Path) -> None:
    rows(tmp_path)
    url = f"http://127.0.0.1:{closed_port()}/v1"
    done = eagdata(*JSONL, "--model", "m", "--base-url", url, "--set", "teacher.attempts=2", cwd=tmp_path, check=4)
    told(done, url)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{not json}\n", "rows.jsonl:1"),
        ('{"question": "q"}\n', "answer"),
        ('{"question": 3, "answer": "1"}\n', "question"),
        ("", "rows.jsonl"),
    ],
)
def test_an_unreadable_row_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    rows(tmp_path, text)
    told(eagdata(*JSONL, "--model", "m", "--base-url", "http://127.0.0.1:1/v1", cwd=tmp_path, check=2), words)


def test_a_missing_input_file_is_named(tmp_path: Path) -> None:
    told(eagdata(*JSONL, "--model", "m", "--base-url", "http://127.0.0.1:1/v1", cwd=tmp_path, check=2), "rows.jsonl")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/usr/bin/setpriv").exists(), reason="root may write anywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    command = [sys.executable, "-m", "eagdata.cli", "generate", "--n", "3", "--out", str(folder / "run")]
    if os.geteuid() == 0:
        probe = subprocess.run(
            ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", "import eagdata"],
            capture_output=True,
            cwd="/",
            check=False,
        )
        if probe.returncode:
            pytest.skip("an ordinary user cannot read this interpreter")
        command = ["setpriv", "--reuid=65534", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 3, done.stderr
    told(done, str(folder), "--out")


def test_a_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    """A file-size limit of the process stands in for the disk: writes fail in the same way."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)); "
        "sys.argv = ['eagdata', 'generate', '--n', '90', '--out', 'run']; from eagdata.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 3, done.stderr
    told(done, "run", "free")
    assert not list((tmp_path / "run").rglob("*-of-*.parquet"))
    assert not (tmp_path / "run" / "manifest.json").exists()
    eagdata("generate", "--n", 90, "--out", "run", cwd=tmp_path, check=None)
    assert (tmp_path / "run" / "manifest.json").exists()


def test_a_folder_of_another_plan_is_never_overwritten(tmp_path: Path) -> None:
    eagdata("generate", "--n", 3, "--out", "run", cwd=tmp_path, check=None)
    told(eagdata("generate", "--n", 4, "--out", "run", cwd=tmp_path, check=5), "n: 3 -> 4", "--fresh")


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = eagdata("generate", "--n", 7, "--dry-run", "--json", cwd=tmp_path)
    plan = json.loads(done.stdout)
    assert plan["tasks"] == 7
    assert plan["cost_usd_at_most"] == 0.0
    assert not list(tmp_path.iterdir())


def test_the_first_ctrl_c_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    with serving(Procedural(), dials=Dials(latency_s=0.004)) as server:
        command = ["generate", "quickstart", "--n", "400", "--out", "run", "--teacher", "openai_chat", "--model", "p"]
        command += ["--base-url", server.url]
        process = subprocess.Popen([sys.executable, "-m", "eagdata.cli", *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(server.books.answers) < 30:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "resume with: eagdata generate quickstart --n 400 --out run" in stderr
    assert "Traceback" not in stderr


def test_an_unknown_command_gets_the_nearest_one(tmp_path: Path) -> None:
    assert "Did you mean 'generate'?" in eagdata("generat", cwd=tmp_path, check=2).stderr


def test_rows_that_are_none_of_ours_are_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "other.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 not really")
    told(eagdata("verify", "other.parquet", cwd=tmp_path, check=2), "no trajectories")
    told(eagdata("verify", "broken.parquet", cwd=tmp_path, check=2), "broken.parquet")
    told(eagdata("verify", "absent", cwd=tmp_path, check=2), "absent")
