"""A model in a GGUF file: llama.cpp serves it from within this process, on a loopback port of its own, and it is asked like any
other endpoint. Needs `xllamacpp`, llama.cpp in a wheel: `pip install 'eagdata[local]'`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import field, replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eagdata.contracts import UNMETERED, Meter, Reply, Request, Waiting, settings
from eagdata.errors import PrerequisiteError, RecipeError
from eagdata.records import Json, Usage
from eagdata.teachers.openai_chat import OpenAIChatTeacher
from eagdata.teachers.openai_settings import OpenAISettings

_MAGIC = b"GGUF"
_ENDS_BYTES = 2**20
_CACHE_MB = 1024
"""Prompts that lost their slot wait in memory for their next turn; llama.cpp would give them 8 GB."""
_TRY_S, _CALL_S = 3600.0, 86_400.0
"""Patience with one try and with one call, the wait for a slot included: a slow model is still at work, and nobody else answers."""
_POLL_S = 1.5
"""Asked more often than once a second, llama.cpp never finds the time to notice that a caller has hung up (measured, and read in
`server_response::recv_with_timeout`), and generates to the end for nobody."""


class LocalTeacher:
    """Loads a GGUF file and asks it. It costs nothing, and no key is needed."""

    price = None

    @settings
    class Config:
        model: str
        """Path of the GGUF file; of a model in several files, the first."""
        context_tokens: int = 4096
        """Room for the prompt and the reply of one call."""
        slots: int = 4
        """Calls in work at once. Each takes memory for its context."""
        threads: int | None = None
        """CPU threads; none: one for each core."""
        temperature: float | None = 0.7
        """None: llama.cpp's default."""
        top_p: float | None = None
        """None: llama.cpp's default."""
        max_tokens: int = 1024
        """Completion tokens of one reply."""
        extra_body: dict[str, Json] = field(default_factory=dict)
        """Further keys of each request, e.g. {top_k: 20}; they win over the ones above."""
        fingerprint: str | None = None
        """Identifies the file, so that a run is not resumed with another one; none: taken from the file as it is now. It covers the
        size, the first and the last MiB (the metadata, the last weights): to hash all of it would take seconds a GB."""

        def __post_init__(self) -> None:
            """Raises: RecipeError if the file is missing, no GGUF file, or another one than `fingerprint` says."""
            for key in ("context_tokens", "slots", "max_tokens"):
                if getattr(self, key) < 1:
                    raise ValueError(f"{key} is {getattr(self, key)}, must be at least 1")
            found = _fingerprint(Path(self.model))
            if self.fingerprint not in (None, found):
                raise RecipeError(
                    f"{self.model} is another file than the recipe names",
                    why=f"its fingerprint is {found}, not {self.fingerprint}",
                    mend="give the file that was meant, or take out teacher.fingerprint",
                )
            object.__setattr__(self, "fingerprint", found)

    def __init__(self, config: Config) -> None:
        self._config = config
        self.name = Path(config.model).stem
        self._server: Any = None  # xllamacpp has no types
        self._client = self._asking("http://127.0.0.1")  # nobody's yet: it can say what a call takes

    async def __aenter__(self) -> Self:
        """Loads the model; the event loop stands still meanwhile. Raises: PrerequisiteError if xllamacpp is not installed or cannot
        load the file."""
        self._server = _serve(self._config, name=self.name)
        self._client = self._asking(f"{self._server.listening_address}/v1")
        try:
            await self._client.__aenter__()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Hangs up, and waits until the server is idle, before it stops it. Stopped with a caller on the line, or before its main loop
        turns, it waits for ever and keeps the interpreter's lock (both seen); where a result is still awaited its code ends the process
        (`server_response::recv`)."""
        await self._client.__aexit__(kind, error, tb)
        if self._server:
            while not _is_idle(self._server):  # noqa: ASYNC110 (llama.cpp has no event to wait for)
                await asyncio.sleep(_POLL_S)
            self._server = None

    async def propose(self, request: Request, meter: Meter = UNMETERED) -> Reply:
        return await self._client.propose(request, meter)

    def most(self, request: Request) -> Usage:
        most, room = self._client.most(request), self._config.context_tokens
        return replace(most, prompt_tokens=min(most.prompt_tokens or room, room))

    def waiting(self) -> Waiting | None:
        return self._client.waiting()

    def sampling(self) -> dict[str, Json]:
        config = self._config
        dials = {"temperature": config.temperature, "top_p": config.top_p, "max_tokens": config.max_tokens}
        known: dict[str, Json] = {key: value for key, value in dials.items() if value is not None}
        return {"model": self.name, "fingerprint": config.fingerprint, **known, "extra_body": config.extra_body}

    def _asking(self, base_url: str) -> OpenAIChatTeacher:
        config = self._config
        return OpenAIChatTeacher(
            OpenAISettings(
                model=self.name,
                base_url=base_url,
                api_key_env="",  # no variable: whatever keys the user has are none of this server's business
                server="llamacpp",
                temperature=config.temperature,
                top_p=config.top_p,
                max_tokens=config.max_tokens,
                extra_body=config.extra_body,
                max_in_flight=config.slots,
                timeout_s=_TRY_S,
                deadline_s=_CALL_S,
                price_prompt_usd_per_mtok=0.0,
                price_completion_usd_per_mtok=0.0,
            )
        )


def _fingerprint(path: Path) -> str:
    """SHA-256 over size, first and last MiB: 16 hex digits. Raises: RecipeError."""
    try:
        with path.open("rb") as file:
            head, size = file.read(_ENDS_BYTES), os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _ENDS_BYTES))
            tail = file.read(_ENDS_BYTES)
    except OSError as error:
        raise RecipeError(
            f"cannot read the model {path}", why=error.strerror or str(error), mend="give the path of a GGUF file with --model PATH"
        ) from error
    if not head.startswith(_MAGIC):
        raise RecipeError(
            f"{path} is no GGUF file",
            why=f"it begins with {head[:4]!r}, not with {_MAGIC!r}",
            mend="give a GGUF file, or convert the model with llama.cpp's convert_hf_to_gguf.py",
        )
    return hashlib.sha256(b"%d\n" % size + head + tail).hexdigest()[:16]


def _serve(config: LocalTeacher.Config, *, name: str) -> Any:  # xllamacpp has no types
    """A running server; it stops once nobody holds it. Raises: PrerequisiteError."""
    # Threads that spin while they wait for each other starve the sandboxes, and those them: with two busy processes beside it,
    # generation fell from 36 to 1.6 tokens/s, and with this to 9 (measured, 0.5B model, two cores). OpenMP reads it once, when loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        llama = import_module("xllamacpp")
    except ImportError as error:
        raise PrerequisiteError(
            "teacher 'local' needs the package xllamacpp", why=str(error), mend="pip install 'eagdata[local]'"
        ) from error
    params = llama.CommonParams()
    params.model.path, params.model_alias = config.model, {name}
    params.n_parallel, params.n_ctx = config.slots, config.slots * config.context_tokens
    params.cache_ram_mib = _CACHE_MB
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.cors_origins, params.ui = "", False  # web pages that the user has open are not to ask it
    params.endpoint_metrics = True
    params.verbosity = -1  # it would write to the terminal
    if config.threads is not None:
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config.threads
    try:
        return llama.Server(params)
    except RuntimeError as error:
        raise PrerequisiteError(
            f"llama.cpp cannot load {config.model}",
            why=f"it is damaged, of a kind that xllamacpp {version('xllamacpp')} does not know, or too large for the free memory",
            mend="check the file; pip install --upgrade xllamacpp; or lower teacher.slots and teacher.context_tokens",
        ) from error


def _is_idle(server: Any) -> bool:  # xllamacpp has no types
    """Whether no call is in work or waits for a slot. The main loop answers: it turns."""
    told = server.handle_metrics().splitlines()
    return "llamacpp:requests_processing 0" in told and "llamacpp:requests_deferred 0" in told
