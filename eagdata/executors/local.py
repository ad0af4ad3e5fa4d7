"""On this machine: one job after the other in this process, or several at once in worker processes."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait

from eagdata.errors import BoundaryError
from eagdata.executors.attempts import attempt

Job = Callable[[], None]


class LocalExecutor:
    """Runs jobs here, on up to `processes` workers at once; with one, in this process.

    A job whose worker is killed is tried once more in a fresh one. An error of a job and Ctrl-C end all workers at once; if this
    process itself is killed, each ends after the job that it is at. Workers live for one `run`, so their memory goes back between looks.
    They are spawned, which imports the main script anew: with several, a script begins its work under `if __name__ == "__main__":`.
    """

    name = "local"

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes

    def run(self, jobs: Sequence[Job]) -> None:
        """See `eagdata.contracts.Executor`. Raises: BoundaryError, which names the job, if it loses its worker twice."""
        count = min(self._processes, len(jobs))
        if count <= 1:
            for job in jobs:
                job()
            return
        waiting = deque(jobs)
        workers: list[_Worker] = []
        try:
            while len(workers) < count:
                workers.append(_Worker(waiting.popleft()))
            busy = set(workers)
            while busy:
                ready = wait([worker.pipe for worker in busy])
                for worker in [worker for worker in busy if worker.pipe in ready and worker.has_done()]:
                    if waiting:
                        worker.take(waiting.popleft())
                    else:
                        busy.remove(worker)
        finally:
            for worker in workers:
                worker.end()


class _Worker:
    """A process that does one job after the other. When it is killed, another takes its place, once for each job."""

    def __init__(self, job: Job) -> None:
        self._start()
        self.take(job)

    def take(self, job: Job, *, is_second_try: bool = False) -> None:
        self._job, self._is_second_try = job, is_second_try
        # A process that is dead already is found so when its answer is read.
        with suppress(BrokenPipeError):
            self.pipe.send_bytes(pickle.dumps(job))

    def has_done(self) -> bool:
        """Read the answer; False if the process died and the job is tried again. Raises: what the job raised; BoundaryError."""
        try:
            error = pickle.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            self._replace()
            return False
        if error is not None:
            raise error
        return True

    def end(self) -> None:
        """End the process, whatever it is at."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self.pipe.close()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _blocked_ctrl_c():
            self._process.start()
        theirs.close()

    def _replace(self) -> None:
        self._process.join()
        code = self._process.exitcode or 0
        if self._is_second_try:
            ended = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            raise BoundaryError(
                f"{self._job} lost its worker twice",
                why=f"the process {ended}; the system kills processes when memory runs out",
                mend="make memory free (other programs, smaller shards), then run the same command: what is done is not done again",
            )
        self.end()
        self._start()
        self.take(self._job, is_second_try=True)


def _serve(pipe: Connection) -> None:
    # The pipe breaks when whoever gives out the jobs is gone; then nobody waits for an answer.
    with suppress(EOFError, ConnectionError):
        while True:
            pipe.send_bytes(attempt(pipe.recv_bytes()))


@contextmanager
def _blocked_ctrl_c() -> Iterator[None]:
    """A process that starts here never sees the Ctrl-C of the terminal; this one gets it at the end."""
    resource_tracker.ensure_running()  # starting it would unblock the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
