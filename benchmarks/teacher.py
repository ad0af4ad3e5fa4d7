"""How many calls a second eagdata makes with its journal on, beside raw aiohttp, the `openai` package and other programs that make data.

    python benchmarks/teacher.py [--only NAME...] [--calls N] [--repeats N] [--at N...] [--parts PART...] [--envs DIR]

One endpoint on one core answers at once, or after 500 ms, always the same 300 tokens; each contender has the other core to itself, one
after the other, in a process of its own. Every figure is the median of the repeats; a ratio is the median of the ratios to the raw
aiohttp of the same round. The goals are held against the steady speed, which leaves out what a program needs to start and to end.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rig import Contender, Endpoint, Failed, Measured, cores, interpreter, measure, raise_file_limit, version

RAW, OURS = "raw", "eagdata"
CONTENDERS = (
    Contender(key=RAW, name="raw aiohttp", package="aiohttp"),
    Contender(key=OURS, name="eagdata", package="eagdata"),
    Contender(key="openai", name="openai", package="openai", share=0.15),
    Contender(key="curator", name="curator", package="bespokelabs-curator", requirements=("bespokelabs-curator==0.1.31",), share=0.25),
    Contender(key="litellm", name="litellm", package="litellm", requirements=("litellm==1.106.2",), share=0.1),
    Contender(key="data_designer", name="Data Designer", package="data-designer", requirements=("data-designer==0.9.6",), share=0.1),
    # `requests`: distilabel imports it and does not ask for it.
    Contender(key="distilabel", name="distilabel", package="distilabel", requirements=("distilabel[openai]==1.5.3", "requests"), share=0.1),
)
PARTS = ("calls", "histories", "latency")
HISTORY = 100
LATENCY_MS = 500
GOAL_RAW, GOAL_IDEAL = 0.9, 0.85
GOAL_PEERS = {"curator": 5, "litellm": 15, "data_designer": 15, "distilabel": 20}
GOAL_AT = 1024


@dataclass(kw_only=True)
class Bench:
    """The contenders that can run here, what they are run with, and what was measured."""

    pythons: dict[str, Path]
    versions: dict[str, str]
    folder: Path
    core: int
    calls: int
    repeats: int
    failures: list[str] = field(default_factory=list)

    @property
    def contenders(self) -> list[Contender]:
        return [contender for contender in CONTENDERS if contender.key in self.versions]

    def rounds(self, endpoint: Endpoint, keys: Sequence[str], *, calls: int, concurrency: int, messages: int) -> Rounds:
        """Each contender once, then each again. One that fails is left out of the later rounds, and the failure is kept."""
        runs: dict[str, list[Measured]] = {key: [] for key in keys if key in self.versions}
        for turn in range(self.repeats):
            for contender in [contender for contender in self.contenders if contender.key in runs]:
                size = {"calls": max(int(calls * contender.share), 4 * concurrency), "concurrency": concurrency, "messages": messages}
                say(f"{contender.name}, {concurrency:,} at once, round {turn + 1} of {self.repeats}")
                try:
                    python, folder = self.pythons[contender.key], self.folder / contender.key
                    found = measure(contender, python, endpoint, core=self.core, folder=folder, **size)
                except Failed as failure:
                    self.failures.append(f"{concurrency:,} at once: {failure}")
                    del runs[contender.key]
                else:
                    runs[contender.key].append(found)
        return Rounds(runs)


@dataclass(frozen=True)
class Rounds:
    """Key of a contender -> what each of its runs gave."""

    runs: dict[str, list[Measured]]

    def typical(self, key: str, figure: Callable[[Measured], float]) -> float:
        return median(map(figure, self.runs[key]))

    def ratio(self, key: str, other: str) -> float | None:
        """How many times as fast as `other`, round by round; None if one of them has no runs."""
        pairs = zip(self.runs.get(key, ()), self.runs.get(other, ()), strict=False)
        ratios = [one.steady_per_s / two.steady_per_s for one, two in pairs]
        return median(ratios) if ratios else None

    def speed(self, key: str) -> str:
        """Calls a second and the ratio to raw aiohttp, for a table."""
        if key not in self.runs:
            return f"{'failed':>16}"
        ratio = self.ratio(key, RAW)
        return f"{self.typical(key, lambda run: run.steady_per_s):>8,.0f}{'' if ratio is None else f'{ratio:.3f} x':>8}"

    def cost(self, key: str) -> str:
        """CPU a call, peak memory, and the time of the whole process, for a table."""
        if key not in self.runs:
            return ""
        cpu_ms, peak_mb, whole_s = (self.typical(key, figure) for figure in (lambda r: r.cpu_ms, lambda r: r.peak_mb, lambda r: r.whole_s))
        return f"{cpu_ms:>12.3f} {peak_mb:>10.0f} {self.runs[key][0].calls:>8,} in {whole_s:>5.1f} s"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(bench: Bench, rounds: dict[int, Rounds], keys: Sequence[str]) -> Iterator[str]:
    """Steady calls a second at each concurrency, with the ratio to raw aiohttp, and what the last one cost."""
    last = max(rounds)
    yield f"{'':<30}" + "".join(f"{f'{at:,} at once':>17}" for at in rounds) + f"{'CPU ms/call':>13} {'peak MB':>10} {'whole process':>19}"
    for key in keys:
        if key in bench.versions:
            name = next(contender.name for contender in CONTENDERS if contender.key == key)
            speeds = "".join(f" {measured.speed(key)}" for measured in rounds.values())
            yield f"{f'{name} {bench.versions[key]}':<30}{speeds} {rounds[last].cost(key)}"
    if RAW in rounds[last].runs:
        used_us = rounds[last].typical(RAW, lambda run: run.endpoint_us)
        yield f"the endpoint spent {used_us:.0f} us of its core on each answer: it can give {1e6 / used_us:,.0f} a second"


def goal(what: str, figure: float | None, least: float) -> str:
    verdict = "not measured" if figure is None else f"{figure:>8.2f}   {'met' if figure >= least else 'MISSED'}"
    return f"  {what:<60} >= {least:<5g} {verdict}"


def compare_calls(bench: Bench, at: Sequence[int], *, core: int) -> Iterator[str]:
    """One question a call: everyone."""
    keys = [contender.key for contender in bench.contenders]
    with Endpoint(bench.folder, core=core) as endpoint:
        yield f"\nsteady calls a second, ratio to raw aiohttp (endpoint: {endpoint.kind}; last three columns: at {max(at):,} at once)"
        rounds = {n: bench.rounds(endpoint, keys, calls=bench.calls, concurrency=n, messages=1) for n in at}
    yield from table(bench, rounds, keys)
    if GOAL_AT in rounds and OURS in bench.versions:
        yield f"goals at {GOAL_AT:,} at once:"
        yield goal("eagdata with its journal / raw aiohttp", rounds[GOAL_AT].ratio(OURS, RAW), GOAL_RAW)
        for key, least in GOAL_PEERS.items():
            yield goal(f"eagdata with its journal / {key}", rounds[GOAL_AT].ratio(OURS, key), least)


def compare_histories(bench: Bench, at: Sequence[int], *, core: int) -> Iterator[str]:
    """A hundred messages, 50 KB, before each answer: what branched traces ask."""
    keys = [RAW, OURS, "openai"]
    with Endpoint(bench.folder, core=core) as endpoint:
        yield f"\nthe same with histories of {HISTORY} messages (50 KB)"
        rounds = {n: bench.rounds(endpoint, keys, calls=bench.calls * 3 // 10, concurrency=n, messages=HISTORY) for n in at}
    yield from table(bench, rounds, keys)
    if GOAL_AT in rounds and OURS in bench.versions:
        yield f"goal at {GOAL_AT:,} at once:"
        yield goal("eagdata with its journal / raw aiohttp", rounds[GOAL_AT].ratio(OURS, RAW), GOAL_RAW)


def compare_latency(bench: Bench, at: Sequence[int], *, core: int) -> Iterator[str]:
    """Share of what so many calls at once can reach when each takes half a second."""
    n = max(at)
    keys, ideal_per_s = [contender.key for contender in bench.contenders], n * 1000 / LATENCY_MS
    with Endpoint(bench.folder, core=core, latency_ms=LATENCY_MS) as endpoint:
        yield f"\nanswers after {LATENCY_MS} ms, {n:,} at once: {ideal_per_s:,.0f} calls a second are ideal"
        rounds = bench.rounds(endpoint, keys, calls=20 * n, concurrency=n, messages=1)
    yield f"{'':<30}{'calls/s':>9}{'of ideal':>10}{'at once':>9}{'CPU ms/call':>13} {'peak MB':>10} {'whole process':>19}"
    shares = {key: rounds.typical(key, lambda run: run.calls / run.span_s) / ideal_per_s for key in rounds.runs}
    for contender in bench.contenders:
        if contender.key in shares:
            share, seen = shares[contender.key], rounds.typical(contender.key, lambda run: run.most_at_once)
            name = f"{contender.name} {bench.versions[contender.key]}"
            yield f"{name:<30}{share * ideal_per_s:>9,.0f}{share:>10.1%}{seen:>9,.0f} {rounds.cost(contender.key)}"
    if n == GOAL_AT and OURS in bench.versions:
        yield f"goal at {GOAL_AT:,} at once:"
        yield goal("eagdata with its journal / ideal", shares.get(OURS), GOAL_IDEAL)


def prepare(only: Sequence[str], envs: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Interpreter and version of each contender that can run; says which cannot, and why."""
    pythons: dict[str, Path] = {}
    versions: dict[str, str] = {}
    for contender in CONTENDERS:
        if contender.key == RAW or not only or contender.key in only:
            try:
                pythons[contender.key] = interpreter(contender, envs)
                versions[contender.key] = version(contender, pythons[contender.key])
            except Failed as failure:
                print(f"{contender.name} is left out: {failure}", flush=True)
    if RAW not in versions:
        raise Failed("raw aiohttp is what everything is compared with, so nothing can be measured")
    return pythons, versions


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eagdata" / "benchmarks"
    names = [contender.key for contender in CONTENDERS]
    parser.add_argument("--only", nargs="+", choices=names, default=[], metavar="NAME", help=f"of {', '.join(names)}; raw always runs")
    parser.add_argument("--calls", type=int, default=20_000, help="calls of the fast ones; slow ones make a fixed share (20000)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (3)")
    parser.add_argument("--at", type=int, nargs="+", default=[64, 256, 1024], metavar="N", help="calls at once (64 256 1024)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument(
        "--envs", type=Path, default=cache, metavar="DIR", help=f"on a disk; the other programs are installed in it ({cache})"
    )
    chosen = parser.parse_args()
    if min(chosen.calls, chosen.repeats, *chosen.at) < 1:
        parser.error("--calls, --repeats and --at take whole numbers from 1 up")
    return chosen


def machine(folder: Path) -> str:
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=False).stdout.strip()
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, the journal on {kind or 'an unknown file system'}"
    )


def main() -> None:
    chosen = options()
    server_core, client_core = cores()
    raise_file_limit()
    try:
        chosen.envs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(f"--envs {chosen.envs}: {error}") from error
    pythons, versions = prepare(chosen.only, chosen.envs.resolve())
    os.sched_setaffinity(0, {server_core})
    with tempfile.TemporaryDirectory(dir=chosen.envs) as folder:
        print(machine(Path(folder)), flush=True)
        bench = Bench(pythons=pythons, versions=versions, folder=Path(folder), core=client_core, calls=chosen.calls, repeats=chosen.repeats)
        for part, compare in zip(PARTS, (compare_calls, compare_histories, compare_latency), strict=True):
            if part in chosen.parts:
                for line in compare(bench, sorted(chosen.at), core=server_core):
                    print(line, flush=True)
        for failure in bench.failures:
            print(f"failed: {failure}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"{Path(__file__).name}: {failure}")
