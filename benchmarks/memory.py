"""Peak memory of a whole `eagdata generate` at two numbers of tasks: it must not grow with them.

    python benchmarks/memory.py [--small 1000] [--large 20000]

Tasks are answered without the sandbox (`rows.subsets={raw: 1.0}`): everything that may grow with their number is in the one process
that is measured, and 20,000 of them take a minute or two instead of an hour. The figure is the peak resident set as the kernel
counts it (`ru_maxrss`), of the process and of any that it waited for.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

GOAL_MB = 150.0
"""Largest difference between 100,000 tasks and 1,000."""


@dataclass(frozen=True, slots=True)
class Peak:
    """One run."""

    n: int
    rss_mb: float
    cpu_s: float
    time_s: float


def measured(n: int) -> Peak:
    """Run `n` tasks in a folder of their own, which is gone after. Raises: SystemExit if the run does not get to its end."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "eagdata.cli", "generate", "quickstart", "--n", str(n), "--out", str(out), "--quiet"]
        began = time.monotonic()
        process = subprocess.Popen([*command, "--set", "rows.subsets={raw: 1.0}", "--set", "thresholds.min_kept=0"])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"the run of {n} tasks ended with exit code {process.returncode}")
        return Peak(n, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--large", type=int, default=20_000)
    given = parser.parse_args()
    found = []
    for n in (given.small, given.large):
        peak = measured(n)
        found.append(peak)
        print(f"{n:>9,} tasks  {peak.rss_mb:7.1f} MB peak  {peak.cpu_s:7.1f} s CPU  {peak.time_s:7.1f} s", flush=True)
    grown = found[1].rss_mb - found[0].rss_mb
    print(f"difference {grown:+.1f} MB; goal for 100,000 beside 1,000: at most {GOAL_MB:.0f} MB: {'met' if grown <= GOAL_MB else 'MISSED'}")
    raise SystemExit(0 if grown <= GOAL_MB else 1)


if __name__ == "__main__":
    main()
