"""On the machines of a Ray cluster. This is the only module that imports ray, and only when a `RayExecutor` is made."""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import secrets
import socket
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from eagdata.errors import BoundaryError, PrerequisiteError
from eagdata.executors.attempts import attempt

_LOST_TRIES = 3
"""How often a job is tried again after its worker or node is lost: the default of `max_retries` in Ray's tasks."""
_SILENCE_S = 60.0
"""After so long without a finished job it is asked whether the cluster has any processor left."""
_CONNECT_S = 5.0
_OBJECT_STORE_BYTES = 100 * 2**20
"""Jobs pass nothing through it; Ray takes no less than 75 MiB, and by itself 30 % of the memory."""


class RayExecutor:
    """Runs each job as a Ray task on one processor.

    Where: in the Ray that this process is connected to, else the cluster at `address` (HOST:PORT), else the one at `RAY_ADDRESS`, else
    in one that is started here: without dashboard and usage statistics, closed to others by a random token, ended by
    `close`, with this object or with the process.

    Every node must see the folder of the jobs under the same path and have the same eagdata. Jobs leave their results there, so a
    node that is lost costs only the jobs that it was at: they are tried again elsewhere. What a stage does between its looks is not
    distributed: it runs in this process.

    Raises: PrerequisiteError without the package; BoundaryError if no cluster answers.
    """

    name = "ray"

    def __init__(self, address: str | None = None) -> None:
        self._ray = _installed()
        self._held = ExitStack()
        if not self._ray.is_initialized():
            _connect(self._ray, address or os.environ.get("RAY_ADDRESS"))
            self._held.callback(self._ray.shutdown)
        weakref.finalize(self, self._held.close)
        self._attempt = self._ray.remote(max_retries=_LOST_TRIES)(attempt)

    def close(self) -> None:
        """Leave the cluster; end it if it was started here. A second call does nothing."""
        self._held.close()

    def run(self, jobs: Sequence[Callable[[], None]]) -> None:
        """See `eagdata.contracts.Executor`. Raises: BoundaryError if a job loses its worker time and again, or no processor is left."""
        running = {self._attempt.remote(pickle.dumps(job)): job for job in jobs}
        try:
            while running:
                done, _ = self._ray.wait(list(running), timeout=_SILENCE_S)
                if not done and not self._ray.cluster_resources().get("CPU"):
                    raise _gave_up("the Ray cluster has no processor left", "all nodes with processors are gone")
                for answer in done:
                    self._settle(answer, running.pop(answer))
        finally:
            for answer in running:
                self._ray.cancel(answer, force=True)

    def _settle(self, answer: Any, job: Callable[[], None]) -> None:  # Any: ray is not imported here
        try:
            error = pickle.loads(self._ray.get(answer))
        except self._ray.exceptions.RayError as lost:
            raise _gave_up(f"{job} was lost on the Ray cluster", str(lost)) from lost
        if isinstance(error, FileNotFoundError):
            raise BoundaryError(
                f"{job} does not find its files",
                why=f"{error}; every node of the cluster must see the output folder under the same path",
                mend="put the output folder on a disk that all nodes share, or take --executor local",
            ) from error
        if error is not None:
            raise error


def _installed() -> Any:  # Any: the package is an extra
    # Ray prints to stdout which tasks it tries again, whatever its log settings; these are read when it is imported.
    os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"] = ".*"
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise PrerequisiteError("the executor 'ray' needs the package ray", why=str(error), mend="pip install 'eagdata[ray]'") from error


def _connect(ray: Any, address: str | None) -> None:
    quiet: dict[str, object] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        # Ray's ports are open to the network. It asks for a token, and would leave one in the home folder that its other clusters then use.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        ray.init(address="local", include_dashboard=False, object_store_memory=_OBJECT_STORE_BYTES, **quiet)
        return
    host, _, port = address.rpartition(":")
    try:
        # Ray itself asks a dead address for minutes.
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
        ray.init(address=address, **quiet)
    except (OSError, ValueError) as error:
        raise BoundaryError(
            f"no Ray cluster answers at {address!r}",
            why=f"{type(error).__name__}: {error}",
            mend="export RAY_ADDRESS=HOST:PORT of its head node, and RAY_AUTH_MODE=token with RAY_AUTH_TOKEN if it asks for one; "
            "or unset RAY_ADDRESS: then a Ray is started on this machine",
        ) from error


def _gave_up(what: str, why: str) -> BoundaryError:
    return BoundaryError(what, why=why, mend="ray status; then run the same command: what is done is not done again")
