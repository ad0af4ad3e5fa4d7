"""Who takes part in `benchmarks/curation.py`, where it runs, and what one run of it cost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from contenders.cleaning import Job
from rig import HERE, Contender, Failed, Watch, last_lines

LIMIT_S = 1800.0
"""A contender that takes longer is stopped."""
_QUIET = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}

PEERS = (
    Contender(key="datasketch", name="datasketch", package="datasketch", requirements=("datasketch==2.0.0", "xxhash", "pyarrow")),
    Contender(key="rensa", name="rensa", package="rensa", requirements=("rensa==0.5.0", "pyarrow")),
    Contender(key="text_dedup", name="text-dedup", package="text-dedup", requirements=("text-dedup==0.4.0",)),
    # `requests`: distilabel imports it and does not ask for it. datasketch: its step breaks with 1.7 and later.
    Contender(
        key="distilabel", name="distilabel", package="distilabel", requirements=("distilabel==1.5.3", "datasketch<1.7", "nltk", "requests")
    ),
    Contender(key="datatrove", name="datatrove", package="datatrove", requirements=("datatrove[io,processing]==0.10.1", "spacy")),
)
"""Each has an environment of its own, as they ask for versions that exclude each other."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A script of `contenders/` with one of its settings."""

    name: str
    script: str
    peer: str = ""
    """Key of the peer in whose environment it runs; none: this one."""
    variant: str = ""
    documents: str = "text"
    """Which of the corpora it gets."""
    is_slow: bool = False
    """It runs once, on the sample."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run gave."""

    cpu_s: float
    """User and system time of all its processes, from the start of the interpreter to its end."""
    wall_s: float
    peak_mb: float
    """Largest resident memory: of its first process by the kernel's count, or of all together by samples, which count a page that two
    share half for each; whichever is larger."""
    ids: frozenset[str]


def run(entry: Entry, python: Path, *, documents: Path, folder: Path, questions: Path | None = None) -> Run:
    """Run it once on `documents`. Raises: Failed, with the last lines that it said."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result, log = folder.with_suffix(".json"), folder.with_suffix(".log")
    result.unlink(missing_ok=True)
    job = Job(
        documents=str(documents), questions=str(questions or ""), variant=entry.variant, folder=str(folder / "work"), result=str(result)
    )
    Path(job.folder).mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | _QUIET | {"HOME": str(folder)}
    before, began = _children_s(), time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(python), str(HERE / "contenders" / f"{entry.script}.py"), json.dumps(vars(job))],
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
        )
    with Watch(process.pid) as watch:
        status = _wait(process)
    wall_s, cpu_s = time.monotonic() - began, _children_s() - before
    if status != 0 or not result.exists():
        why = f"not done after {LIMIT_S:.0f} s" if status is None else f"exit {status}"
        raise Failed(f"{why}: {last_lines(log.read_text(errors='replace'))}")
    found = json.loads(result.read_text())
    shutil.rmtree(folder)
    return Run(cpu_s=cpu_s, wall_s=wall_s, peak_mb=max(found["peak_kb"] / 1024, watch.peak_mb), ids=frozenset(found["ids"]))


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    """Its exit status, None if it was stopped for its time; whatever of it is still there is killed."""
    try:
        return process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
