"""A model behind any endpoint that speaks OpenAI's chat completions: vLLM, SGLang, llama.cpp, Ollama, OpenRouter, DeepSeek, OpenAI.

The `openai` package owns address, key and transport; bodies are sent and read as plain JSON, at a third of the cost of its
typed objects. Its own retries are off: it honours Retry-After without jitter, does not retry malformed JSON, and takes
`{"error": ...}` in a 200 for a completion.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import field
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast
from urllib.parse import urlsplit

from tenacity import AsyncRetrying, before_sleep_log, retry_if_exception_type

from eagdata.contracts import Reply, Request, settings
from eagdata.errors import PrerequisiteError, RecipeError, TeacherError
from eagdata.records import Json
from eagdata.teachers.faults import Again, Endpoint, Patience
from eagdata.teachers.wire import WrongShape, message_json, read_replies

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_OPENAI_URL = "https://api.openai.com/v1"
_SEEDS = 2**31  # llama.cpp and vLLM take a signed 32-bit seed


class OpenAIChatTeacher:
    """Asks an endpoint for one reply at a time. `name` is the model's, known at the latest once it is opened."""

    @settings
    class Config:
        model: str | None = None
        """Model name; none: the only one that the endpoint offers."""
        base_url: str | None = None
        """Endpoint, usually ending in /v1; none: OPENAI_BASE_URL, else OpenAI's own."""
        api_key_env: str = "OPENAI_API_KEY"
        """Environment variable that holds the key. The key itself is never part of a recipe."""
        temperature: float | None = 0.7
        """None: not sent, for models that refuse it."""
        top_p: float | None = None
        """None: the server's default."""
        max_tokens: int | None = 1024
        """Completion tokens of one reply. OpenAI's newer models want null here and extra_body: {max_completion_tokens: ...}."""
        seed: bool = True
        """Send a seed, another one for each node and sample."""
        stop: bool = True
        """Send stop sequences; off for models that refuse them."""
        extra_body: dict[str, Json] = field(default_factory=dict)
        """Further keys of the request body, e.g. {top_k: 20}; they win over the ones above."""
        timeout_s: float = 600.0
        """Wall time of one attempt, keep-alive bytes or not."""
        attempts: int = 6
        """Tries of one call that may fail; being throttled (429) does not count."""
        deadline_s: float = 3600.0
        """Wall time of one call with all its tries and waits."""
        wait_s: float = 1.0
        """Longest wait before the second try; it doubles each time, up to a minute, and each wait is drawn evenly below it."""
        price_prompt_usd_per_mtok: float | None = None
        """Price of a million prompt tokens. Without both prices, and none in the answer, the cost is unknown."""
        price_completion_usd_per_mtok: float | None = None
        """Price of a million completion tokens."""
        price_cached_usd_per_mtok: float | None = None
        """Price of a million prompt tokens served from the cache; none: the prompt price."""

        def __post_init__(self) -> None:
            if self.attempts < 1:
                raise ValueError(f"attempts is {self.attempts}, must be at least 1")
            if self.timeout_s <= 0 or self.deadline_s <= 0 or self.wait_s < 0:
                raise ValueError("timeout_s and deadline_s must be above 0, wait_s must not be below")

    def __init__(self, config: Config) -> None:
        self._config = config
        url = (config.base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI_URL).rstrip("/")
        self._endpoint = Endpoint(url=url, key_env=config.api_key_env, key=os.environ.get(config.api_key_env) or None)
        self._client: AsyncOpenAI | None = None
        self.name = config.model or ""

    async def __aenter__(self) -> Self:
        """Raises: RecipeError for a base URL that is none; PrerequisiteError if OpenAI's endpoint is meant and there is no key,
        or if the endpoint offers no single model; TeacherError if it does not answer when asked for its models."""
        from openai import AsyncOpenAI  # 0.4 s and 57 MB: only when used

        self._check_endpoint()
        key = self._endpoint.key or "none"  # local servers want none, the package wants one
        self._client = AsyncOpenAI(base_url=self._endpoint.url, api_key=key, max_retries=0, timeout=self._config.timeout_s)
        if self._config.model is None:
            try:
                self.name = await self._only_model()
            except BaseException:
                await self.__aexit__(None, None, None)
                raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._client:
            await self._client.close()
            self._client = None

    async def propose(self, request: Request) -> Reply:
        return await self._patiently(partial(self._ask, self._body(request)))

    def sampling(self) -> dict[str, Json]:
        config = self._config
        return {"model": self.name, **self._dials(), "seed": config.seed, "stop": config.stop, "extra_body": config.extra_body}

    def _dials(self) -> dict[str, Json]:
        """What is sent as it stands, where it is set."""
        return {key: value for key in ("temperature", "top_p", "max_tokens") if (value := getattr(self._config, key)) is not None}

    def _check_endpoint(self) -> None:
        url, key_env = urlsplit(self._endpoint.url), self._endpoint.key_env
        if url.scheme not in ("http", "https") or not url.hostname:
            raise RecipeError(
                f"base URL {self._endpoint.url!r} is none",
                why="it needs http:// or https:// and a host",
                mend="e.g. http://localhost:8000/v1",
            )
        if url.username or url.password:
            raise RecipeError(
                "the base URL holds a user or a password", why="it would be written to plan.json", mend=f"give the key in {key_env}"
            )
        if not self._endpoint.key and url.hostname == urlsplit(_OPENAI_URL).hostname:
            raise PrerequisiteError(
                "teacher 'openai_chat' has no key",
                why=f"{key_env} is unset, and {url.hostname} needs one",
                mend=f"export {key_env}=..., or --base-url URL",
            )

    async def _only_model(self) -> str:
        answer = await self._patiently(partial(self._exchange, "/models", None))
        listed = answer.get("data") if isinstance(answer, dict) else None
        names = [str(entry["id"]) for entry in listed if isinstance(entry, dict) and entry.get("id")] if isinstance(listed, list) else []
        if len(names) == 1:
            return names[0]
        raise PrerequisiteError(
            f"teacher 'openai_chat' does not know which model to ask at {self._endpoint.url}",
            why=f"it offers {len(names)}: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}" if names else "it lists none",
            mend="name one with --model NAME",
        )

    def _body(self, request: Request) -> dict[str, Json]:
        config = self._config
        body: dict[str, Json] = {"model": self.name, "messages": [message_json(message) for message in request.messages], **self._dials()}
        if config.seed:
            body["seed"] = request.seed % _SEEDS
        if config.stop and request.stop:
            body["stop"] = list(request.stop)
        if request.tools:
            body["tools"] = list(request.tools)
        return body | config.extra_body

    async def _ask(self, body: dict[str, Json]) -> Reply:
        answer = await self._exchange("/chat/completions", body)
        try:
            return read_replies(answer, cost=self._cost)[0]
        except WrongShape as error:
            raise self._endpoint.garbled(str(error)) from error

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """The one retry layer. Tenacity awaits coroutine functions and partials of them only, no lambda."""
        config = self._config
        patience = Patience(attempts=config.attempts, deadline_s=config.deadline_s, wait_s=config.wait_s)
        retrying = AsyncRetrying(
            stop=patience.stop,
            wait=patience.wait,
            retry=retry_if_exception_type(Again),
            before_sleep=before_sleep_log(_LOG, logging.INFO),
            reraise=True,
        )
        try:
            return await retrying(call)
        except Again as again:
            tries = retrying.statistics.get("attempt_number", 1)
            raise TeacherError(f"{again.error.what}, {tries} times", why=again.error.why, mend=again.error.mend) from again

    async def _exchange(self, path: str, body: dict[str, Json] | None) -> Json:
        """One request (GET where there is no body) and its answer as JSON. Raises: Again, TeacherError, PrerequisiteError."""
        from openai import APIConnectionError, APIStatusError

        if self._client is None:
            raise RuntimeError("open the teacher with `async with` before asking it")
        try:
            async with asyncio.timeout(self._config.timeout_s):  # a total, as keep-alive bytes defeat the client's own timeouts
                if body is None:
                    answer = await self._client.get(path, cast_to=object)
                else:
                    answer = await self._client.post(path, cast_to=object, body=body)
            return self._checked(answer)
        except APIStatusError as error:
            raise self._endpoint.refused(error.status_code, body=_json(error.body), headers=error.response.headers) from error
        except (APIConnectionError, TimeoutError) as error:
            raise self._endpoint.silent(error) from error
        except ValueError as error:  # the package lets malformed JSON through as json.JSONDecodeError
            raise self._endpoint.garbled(f"malformed JSON: {error}") from error

    def _checked(self, answer: object) -> Json:
        """The answer as JSON, whatever content type it came with; an error inside a 200 is raised as what it is."""
        body: Json = json.loads(answer) if isinstance(answer, str) else _json(answer)
        if isinstance(body, dict) and body.get("error"):
            error = body["error"]
            code = error.get("code") if isinstance(error, dict) else None
            raise self._endpoint.refused(code if isinstance(code, int) and 400 <= code < 600 else 502, body=body, headers={})
        return body

    def _cost(self, prompt: int | None, completion: int | None, cached: int | None) -> float | None:
        config = self._config
        per_prompt, per_completion = config.price_prompt_usd_per_mtok, config.price_completion_usd_per_mtok
        if per_prompt is None or per_completion is None or prompt is None or completion is None:
            return None
        per_cached = per_prompt if config.price_cached_usd_per_mtok is None else config.price_cached_usd_per_mtok
        hits = cached or 0
        return ((prompt - hits) * per_prompt + hits * per_cached + completion * per_completion) / 1e6


def _json(value: object) -> Json:
    """A value that the JSON decoder made: typed as what it is."""
    return cast("Json", value)
