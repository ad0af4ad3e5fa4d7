"""A model behind any endpoint that speaks OpenAI's API: vLLM, SGLang, llama.cpp, Ollama, OpenRouter, DeepSeek, OpenAI.

The `openai` package owns address, key and headers; the bytes go beneath it (`transport`). `client` makes a call with all its tries,
`faults` says what is tried again, `pace` how many calls are out at once, `fleet` which server takes them. The package's own retries
are not used: they honour Retry-After without jitter, do not retry malformed JSON, and take `{"error": ...}` in a 200 for an answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import orjson

from eagdata.contracts import UNMETERED, Meter, Reply, Request, Waiting
from eagdata.errors import PrerequisiteError, TeacherError
from eagdata.records import Json, Usage
from eagdata.teachers.client import Call, Client
from eagdata.teachers.faults import Endpoint
from eagdata.teachers.fleet import Fleet, Server
from eagdata.teachers.openai_settings import EndpointSettings, OpenAISettings
from eagdata.teachers.pace import Pace
from eagdata.teachers.prices import Price, price_in
from eagdata.teachers.responses import read_response, responses_body
from eagdata.teachers.siblings import Apart, Ask, Siblings, Together, WarmFirst
from eagdata.teachers.transport import Transport
from eagdata.teachers.wire import continuation_keys, message_json, new_text, read_replies, server_kind

_OPENAI_URL = "https://api.openai.com/v1"
_SEEDS = 2**31  # llama.cpp and vLLM take a signed 32-bit seed
_TEMPLATE_TOKENS = 512
"""Most that a chat template adds of its own: a default system prompt, the frame of the tools."""
_TOKENS_A_MESSAGE = 16
"""Most that a chat template adds to a message: role and separators."""
_BOUNDS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_SIBLINGS: Mapping[str, Callable[[Ask], Siblings]] = {"apart": Apart, "warm": WarmFirst, "together": Together}
_NOBODY = Request(messages=(), seed=0)


class OpenAIChatTeacher:
    """Asks an endpoint, or several with the same model. `name` is the model's, known at the latest once it is opened."""

    Config = OpenAISettings

    def __init__(self, config: OpenAISettings) -> None:
        self._config = config
        self._fleet = Fleet([_server(config, at) for at in config.endpoints or (_single(config),)])
        self._client = Client(self._fleet, config)
        self._siblings = _SIBLINGS[config.siblings](self._ask)
        self._kind: str | None = None if config.server == "auto" else config.server
        self.name = config.model or ""
        self._price: Price | None = price_in(config, self.name)

    @property
    def price(self) -> str | None:
        return self._price.words() if self._price else None

    async def __aenter__(self) -> Self:
        """Raises: PrerequisiteError if OpenAI's endpoint is meant and there is no key, or if the endpoint offers no single model;
        TeacherError if it does not answer when asked for its models."""
        for server in self._fleet.servers:
            _check_key(server.endpoint)
        try:
            await self._client.open()
            if self._config.model is None:
                self.name = await self._only_model()
                self._price = price_in(self._config, self.name)
        except BaseException:
            await self._client.close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        await self._client.close()

    async def propose(self, request: Request, meter: Meter = UNMETERED) -> Reply:
        return await self._siblings.propose(request, meter)

    def most(self, request: Request) -> Usage:
        body = self._body(request, 1)
        return self._most(body, len(orjson.dumps(body)), 1)

    def waiting(self) -> Waiting | None:
        return self._client.waiting()

    def sampling(self) -> dict[str, Json]:
        config = self._config
        known: dict[str, Json] = {"model": self.name, **self._dials(), "seed": config.seed, "stop": config.stop}
        return {**known, "extra_body": config.extra_body, **({"api": config.api} if config.api != "chat" else {})}

    async def _ask(self, request: Request, meter: Meter, n: int) -> tuple[Reply, ...]:
        """One request for `n` replies, with all its tries."""
        chat = self._config.api == "chat"
        last = request.messages[-1]
        server, keys = await self._continuation() if last.role == "assistant" else ("", {})
        asked = self._body(request, n) | keys
        body = orjson.dumps(asked)
        call = Call(
            path="/chat/completions" if chat else "/responses",
            body=body,
            read=self._read_chat if chat else self._read_response,
            tokens=_total_tokens,
            most=self._most(asked, len(body), n),
            request=request,
        )
        replies = await self._client.make(call, meter)
        if not server:
            return replies
        return tuple(replace(reply, content=new_text(reply.content, begun=last.content, server=server)) for reply in replies)

    def _read_chat(self, body: Json) -> tuple[Reply, ...]:
        return read_replies(body, cost=self._price.cost if self._price else None)

    def _read_response(self, body: Json) -> tuple[Reply, ...]:
        return read_response(body, cost=self._price.cost if self._price else None)

    def _body(self, request: Request, n: int) -> dict[str, Json]:
        config = self._config
        if config.api == "responses":
            return {"model": self.name, **responses_body(request.messages, tools=request.tools), **self._dials()} | config.extra_body
        body: dict[str, Json] = {"model": self.name, "messages": [message_json(message) for message in request.messages], **self._dials()}
        if config.seed:
            body["seed"] = request.seed % _SEEDS
        if config.stop and request.stop:
            body["stop"] = list(request.stop)
        if request.tools:
            body["tools"] = list(request.tools)
        if n > 1:
            body["n"] = n
        return body | config.extra_body if config.extra_body else body

    def _dials(self) -> dict[str, Json]:
        """What is sent as it stands, where it is set."""
        config = self._config
        longest = "max_tokens" if config.api == "chat" else "max_output_tokens"
        told: dict[str, Json] = {"temperature": config.temperature, "top_p": config.top_p, longest: config.max_tokens}
        if config.logprobs is not None:
            told["top_logprobs"] = config.logprobs or None
            told |= {"logprobs": True} if config.api == "chat" else {"include": ["message.output_text.logprobs"]}
        return {key: value for key, value in told.items() if value is not None}

    def _most(self, asked: dict[str, Json], size_bytes: int, n: int) -> Usage:
        """A token of a byte-level vocabulary covers at least one byte: a body has at most as many tokens as bytes. The reply is bounded
        by what the body says last, `extra_body` included; of several bounds by the largest, and by none if one of them is null."""
        messages = asked.get("messages", asked.get("input"))
        prompt = size_bytes + _TEMPLATE_TOKENS + _TOKENS_A_MESSAGE * (len(messages) if isinstance(messages, list) else 0)
        bounds = [asked[key] for key in _BOUNDS if key in asked]
        known = [bound for bound in bounds if type(bound) is int]
        completion = max(known) * n if known and len(known) == len(bounds) else None
        cost = self._price.cost(prompt, completion, None) if self._price else None
        return Usage(calls=1, prompt_tokens=prompt, completion_tokens=completion, cost_usd=cost)

    async def _continuation(self) -> tuple[str, dict[str, Json]]:
        """Who serves, and the keys that make it go on with the last message. Raises: TeacherError if it cannot."""
        kind = self._kind = self._kind or server_kind(await self._models()) or "other"
        keys = continuation_keys(kind) if self._config.api == "chat" else None
        if keys is None:
            raise TeacherError(
                f"the server at {self._fleet.servers[0].endpoint.url} continues no begun reply",
                why=f"it is {kind!r}, api {self._config.api!r}",
                mend="use vLLM, SGLang or llama.cpp, and name it with teacher.server",
                retryable=False,
            )
        return kind, keys

    async def _models(self) -> Json:
        call = Call(path="/models", body=None, read=lambda body: body, tokens=lambda _: 0, most=Usage(), request=_NOBODY)
        return await self._client.make(call, UNMETERED)

    async def _only_model(self) -> str:
        answer = await self._models()
        listed = answer.get("data") if isinstance(answer, dict) else None
        names = [str(entry["id"]) for entry in listed if isinstance(entry, dict) and entry.get("id")] if isinstance(listed, list) else []
        if len(names) == 1:
            return names[0]
        raise PrerequisiteError(
            f"teacher 'openai_chat' does not know which model to ask at {self._fleet.servers[0].endpoint.url}",
            why=f"it offers {len(names)}: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}" if names else "it lists none",
            mend="name one with --model NAME",
        )


def _single(config: OpenAISettings) -> EndpointSettings:
    """The one endpoint of a recipe without `endpoints`. Raises: RecipeError for an OPENAI_BASE_URL that is none."""
    return EndpointSettings(base_url=config.base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI_URL)


def _server(config: OpenAISettings, at: EndpointSettings) -> Server:
    key_env = at.api_key_env or config.api_key_env
    endpoint = Endpoint(url=at.base_url.rstrip("/"), key_env=key_env, key=os.environ.get(key_env) or None)
    pace = Pace(most_awake=at.max_in_flight or config.max_in_flight, rpm=at.rpm or config.rpm, tpm=at.tpm or config.tpm)
    transport = Transport(endpoint.url, key=endpoint.key, timeout_s=config.timeout_s)
    return Server(endpoint=endpoint, transport=transport, pace=pace, weight=at.weight)


def _check_key(endpoint: Endpoint) -> None:
    """Raises: PrerequisiteError if OpenAI itself is meant, and there is no key."""
    host, key_env = urlsplit(endpoint.url).hostname, endpoint.key_env
    if not endpoint.key and host == urlsplit(_OPENAI_URL).hostname:
        raise PrerequisiteError(
            "teacher 'openai_chat' has no key",
            why=f"{key_env} is unset, and {host} needs one",
            mend=f"export {key_env}=..., or --base-url URL",
        )


def _total_tokens(replies: tuple[Reply, ...]) -> int | None:
    """Of the request: the first reply bears it all."""
    used = replies[0].usage
    return None if used.prompt_tokens is None or used.completion_tokens is None else used.prompt_tokens + used.completion_tokens
