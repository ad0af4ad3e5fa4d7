"""One endpoint on one core, one contender on another, and what was measured of it. Linux: it pins and reads /proc."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import linear_regression

from contenders.job import Job

HERE = Path(__file__).parent
LIMIT_S = 900.0
"""A contender that takes longer is stopped."""
_TICK_S = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
_QUIET = {
    "OPENAI_API_KEY": "none",
    "DO_NOT_TRACK": "1",
    "TELEMETRY_ENABLED": "false",  # curator
    "NEMO_TELEMETRY_ENABLED": "false",  # Data Designer
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "CURATOR_DISABLE_RICH_DISPLAY": "1",
}
_STEP = (
    "Let me set this up step by step. The train covers the first part of the way at 60 km/h and the second part at 90 km/h, so I add "
    "the two times and compare them with the total.\n\n```python\nfirst, second = 150 / 60, 225 / 90\ntotal = first + second\n"
    'print(f"{total:.2f} hours")\n```\n\nThe first part takes \\(150 / 60 = 2.5\\) hours and the second takes as long. '
)
_ANSWER = _STEP * 3 + 'Both agree, so the whole way takes \\boxed{5} hours: "5.00 hours", as printed.'
"""About 300 tokens."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A script of `contenders/`, and where it runs."""

    key: str
    """As `--only` names it."""
    name: str
    package: str
    """Whose version is shown."""
    requirements: tuple[str, ...] = ()
    """What its own environment holds; none: it runs in this one."""
    share: float = 1.0
    """How many of the calls it is asked to make, so that slow ones end."""

    @property
    def script(self) -> Path:
        return HERE / "contenders" / f"ask_{self.key}.py"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one run of a contender gave."""

    calls: int
    steady_per_s: float
    """Slope of the answers over time, from the tenth to the ninetieth percent, by the endpoint's clock: neither start nor end is in it.
    A slope, as answers come in waves when a thousand calls are out: two moments alone would catch them anywhere in a wave."""
    span_s: float
    """From the first request to the last answer, by the endpoint's clock."""
    whole_s: float
    """From the start of the process to its end."""
    cpu_ms: float
    """CPU time a call of all its processes, over the steady part."""
    peak_mb: float
    """Largest memory of all its processes; pages that they share count once."""
    most_at_once: int
    """Calls that waited at the endpoint at the same time; 0 without latency."""
    endpoint_us: float
    """CPU time of the endpoint an answer: it is no bottleneck while this is well below 1e6 / steady_per_s."""


class Failed(Exception):
    """A contender, or what it needs, did not do its part; the text says why."""


def cores() -> tuple[int, int]:
    """One for the endpoint and this driver, one for the contender. Raises: Failed where there are no two."""
    if not hasattr(os, "sched_getaffinity"):
        raise Failed("this benchmark pins processes to cores, which needs Linux")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise Failed(f"this benchmark needs two cores, and this process may use only {allowed}")
    return allowed[0], allowed[1]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Processes started within stay on `core`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Endpoint:
    """A running `endpoint.c`, or `endpoint.py` where nothing compiles it."""

    def __init__(self, folder: Path, *, core: int, latency_ms: float = 0.0) -> None:
        self.latency_ms = latency_ms
        usage = {"prompt_tokens": 120, "completion_tokens": 300, "total_tokens": 420}
        message = {"role": "assistant", "content": _ANSWER}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "canned", "choices": [choice], "usage": usage}
        answer = folder / "answer.json"
        answer.write_text(json.dumps(body))
        command, self.kind = endpoint_command(folder)
        with pinned(core):
            self._process = subprocess.Popen([*command, str(answer), str(latency_ms)], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        port = self._process.stdout.readline().strip()
        if not port:
            raise Failed(f"the endpoint did not start: {' '.join(command)}")
        self._address = f"http://127.0.0.1:{port}"
        self.url = f"{self._address}/v1"

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def reset(self) -> None:
        """Forget what was counted."""
        self._get("/reset")

    def counts(self) -> dict[str, object]:
        """`answers`, `connections`, `most_waiting`, and on the monotonic clock `first_request_s` and `deciles_s` of the answers."""
        return json.loads(self._get("/counts"))

    def cpu_s(self) -> float:
        return cpu_of(self._process.pid)

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self._address + path, timeout=10) as answer:
            return answer.read()


def endpoint_command(folder: Path) -> tuple[list[str], str]:
    """How to start the endpoint, and what it is, in words."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler:
        program = folder / "endpoint"
        done = subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / "endpoint.c")], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return [str(program)], f"endpoint.c, compiled by {Path(compiler).name}"
        print(f"endpoint.c does not compile here, so endpoint.py serves: {done.stderr.strip()[-300:]}", file=sys.stderr)
    has_uvloop = subprocess.run([sys.executable, "-c", "import uvloop"], capture_output=True, check=False).returncode == 0
    return [sys.executable, str(HERE / "endpoint.py")], f"endpoint.py, {'uvloop' if has_uvloop else 'asyncio'}"


def interpreter(contender: Contender, envs: Path) -> Path:
    """The Python that runs it; its environment is built when it is not there yet. Raises: Failed."""
    if not contender.requirements:
        return Path(sys.executable)
    home = envs / contender.key
    python, mark, wanted = home / "bin" / "python", home / "installed.txt", "\n".join(contender.requirements)
    if mark.exists() and mark.read_text() == wanted:
        return python
    print(f"installing {contender.name} into {home}", file=sys.stderr)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(home)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *contender.requirements],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{' '.join(command)} failed: {last_lines(done.stderr or done.stdout)}")
    mark.write_text(wanted)
    return python


def version(contender: Contender, python: Path) -> str:
    """The version of its package. Raises: Failed if it is not installed."""
    question = f"from importlib.metadata import version; print(version({contender.package!r}))"
    done = subprocess.run([str(python), "-c", question], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{contender.package} is not installed for {python}: {python} -m pip install {contender.package}")
    return done.stdout.strip()


def measure(contender: Contender, python: Path, endpoint: Endpoint, *, core: int, folder: Path, **size: int) -> Measured:
    """Run it once. `size`: `calls`, `concurrency`, `messages`. Raises: Failed if it does not answer every call rightly."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result, log = folder.with_suffix(".json"), folder.with_suffix(".log")
    result.unlink(missing_ok=True)
    job = Job(url=endpoint.url, answer=_ANSWER, folder=str(folder), result=str(result), **size)
    endpoint.reset()
    served_s, began = endpoint.cpu_s(), time.monotonic()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | _QUIET | {"HOME": str(folder)}
    with log.open("wb") as out, pinned(core):
        process = subprocess.Popen(
            [str(python), str(contender.script), json.dumps(vars(job))], stdout=out, stderr=out, env=environment, start_new_session=True
        )
    with Watch(process.pid) as watch:
        ended = _wait(process)
    whole_s = time.monotonic() - began
    if not ended or not result.exists():
        why = f"exit {process.returncode}" if ended else f"not done after {LIMIT_S:.0f} s"
        raise Failed(f"{contender.name}: {why}: {last_lines(log.read_text(errors='replace'))}")
    right, counts = json.loads(result.read_text())["right"], endpoint.counts()
    if right != job.calls:
        raise Failed(f"{contender.name}: {right} right answers to {job.calls} calls; see {log}")
    return _measured(job.calls, counts, watch, whole_s=whole_s, served_s=endpoint.cpu_s() - served_s)


def _wait(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended in time; whatever of it is still there afterwards is killed."""
    try:
        process.wait(LIMIT_S)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _measured(calls: int, counts: dict, watch: Watch, *, whole_s: float, served_s: float) -> Measured:
    answers, deciles = counts["answers"], counts["deciles_s"]
    begin, end = deciles[1], deciles[9]
    steady = answers * 0.8
    return Measured(
        calls=calls,
        steady_per_s=linear_regression(deciles[1:10], [answers * tenth / 10 for tenth in range(1, 10)]).slope,
        span_s=deciles[10] - counts["first_request_s"],
        whole_s=whole_s,
        cpu_ms=(watch.cpu_at(end) - watch.cpu_at(begin)) / steady * 1000,
        peak_mb=watch.peak_mb,
        most_at_once=counts["most_waiting"],
        endpoint_us=served_s / answers * 1e6,
    )


class Watch:
    """CPU time and memory of all processes of a session, while they run."""

    PERIOD_S = 0.05
    MEMORY_EVERY = 5  # a look at the memory of a large process takes milliseconds and holds it up

    def __init__(self, session: int) -> None:
        self._session = session
        self._samples: list[tuple[float, float]] = [(time.monotonic(), 0.0)]
        self._peak_kb = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def peak_mb(self) -> float:
        return self._peak_kb / 1024

    def cpu_at(self, moment: float) -> float:
        """CPU seconds used by `moment`, between two samples on the line that joins them."""
        before = max((s for s in self._samples if s[0] <= moment), default=self._samples[0])
        after = min((s for s in self._samples if s[0] >= moment), default=self._samples[-1])
        if after[0] <= before[0]:
            return before[1]
        return before[1] + (after[1] - before[1]) * (moment - before[0]) / (after[0] - before[0])

    def _watch(self) -> None:
        for turn in count():
            if self._done.wait(self.PERIOD_S):
                return
            members = [pid for pid in _processes() if _session(pid) == self._session]
            self._samples.append((time.monotonic(), sum(map(cpu_of, members))))
            if turn % self.MEMORY_EVERY == 0:
                self._peak_kb = max(self._peak_kb, sum(map(_memory_kb, members)))


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended; 0.0 if it has gone."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) * _TICK_S if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on (the third); empty if it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _session(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[3]) if fields else None


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _memory_kb(pid: int) -> int:
    """Proportional set size: a page that two processes share counts half for each."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def raise_file_limit() -> None:
    """A thousand connections need a thousand descriptors: here, and in what is started."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def last_lines(text: str) -> str:
    """The end of what a program said, on one line."""
    return " | ".join(line.strip() for line in text.strip().splitlines()[-3:])[-500:] or "it said nothing"
