"""What the teacher `openai_chat` can be told."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from eagdata.contracts import settings
from eagdata.errors import RecipeError
from eagdata.records import Json

_SECRETS = frozenset({"key", "api_key", "api-key", "apikey", "token", "access_token", "sig", "secret"})


def _check_address(url: str, *, key_env: str) -> None:
    """Refuse what cannot be asked, and what must not be written to plan.json. It is not quoted: it may be the key itself.

    Raises: RecipeError.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RecipeError("the base URL is none", why="it needs http:// or https:// and a host", mend="e.g. http://localhost:8000/v1")
    if parts.username or parts.password or _SECRETS & {name.lower() for name in parse_qs(parts.query)}:
        why = "it would be written to plan.json"
        raise RecipeError("the base URL holds a user, a password or a key", why=why, mend=f"give the key in {key_env}")


def _check_key_env(name: str) -> None:
    if not re.fullmatch(r"([A-Za-z_]\w*)?", name):
        raise RecipeError("api_key_env names no environment variable", why="a key itself is never part of a recipe", mend="export it")


@settings
class EndpointSettings:
    """One of several endpoints that serve the same model."""

    base_url: str
    """Endpoint, usually ending in /v1."""
    api_key_env: str | None = None
    """Environment variable that holds its key; none: the teacher's."""
    weight: float = 1.0
    """Its share of the calls, in proportion to the others' weights."""
    max_in_flight: int | None = None
    """Calls out at once; none: the teacher's."""
    rpm: float | None = None
    """Requests a minute; none: the teacher's."""
    tpm: float | None = None
    """Tokens a minute; none: the teacher's."""

    def __post_init__(self) -> None:
        if self.weight <= 0:
            raise ValueError(f"weight is {self.weight}, must be above 0")
        if self.api_key_env is not None:
            _check_key_env(self.api_key_env)
        _check_address(self.base_url, key_env=self.api_key_env or "the variable that api_key_env names")


@settings
class OpenAISettings:
    """Settings of the teacher `openai_chat`."""

    model: str | None = None
    """Model name; none: the only one that the endpoint offers."""
    api: Literal["chat", "responses"] = "chat"
    """Chat completions, or OpenAI's Responses API, which takes neither seed nor stop sequences."""
    base_url: str | None = None
    """Endpoint, usually ending in /v1; none: OPENAI_BASE_URL, else OpenAI's own."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key. The key itself is never part of a recipe."""
    endpoints: tuple[EndpointSettings, ...] = ()
    """Several endpoints that serve the same model, instead of `base_url`."""
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
    logprobs: int | None = None
    """Keep log-probabilities of the reply's tokens and so many alternatives in the journal; none: not asked for."""
    siblings: Literal["apart", "warm", "together"] = "apart"
    """How several replies to one prompt are asked for: each by itself; the first ahead, so that the rest meet its prompt in the
    server's cache; or in one request with `n`, where the server has it."""
    server: Literal["auto", "vllm", "sglang", "llamacpp", "other"] = "auto"
    """Who answers: decides how a begun reply is continued. `auto`: asks the endpoint, when it matters."""
    extra_body: dict[str, Json] = field(default_factory=dict)
    """Further keys of the request body, e.g. {top_k: 20}; they win over the ones above."""
    max_in_flight: int = 256
    """Calls out at once, to one endpoint."""
    rpm: float | None = None
    """Requests a minute, to one endpoint; none: no limit but the server's."""
    tpm: float | None = None
    """Tokens a minute, prompt and completion, to one endpoint; none: no limit but the server's."""
    timeout_s: float = 600.0
    """Wall time of one try, keep-alive bytes or not. Reasoning models take minutes."""
    attempts: int = 6
    """Tries of one call that may fail; being throttled (429) does not count."""
    deadline_s: float = 3600.0
    """Wall time of one call with all its tries and waits."""
    wait_s: float = 1.0
    """Longest wait before the second try; it doubles each time, up to a minute, and each wait is drawn evenly below it."""
    prices: str | None = None
    """A file of prices; none: ~/.config/eagdata/prices.yaml, then the shipped one."""
    price_prompt_usd_per_mtok: float | None = None
    """Price of a million prompt tokens. Without both prices, here or in a file, the cost is what the answers say, or unknown."""
    price_completion_usd_per_mtok: float | None = None
    """Price of a million completion tokens."""
    price_cached_usd_per_mtok: float | None = None
    """Price of a million prompt tokens served from the cache; none: the prompt price."""

    def __post_init__(self) -> None:
        for key in ("attempts", "max_in_flight"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} is {getattr(self, key)}, must be at least 1")
        if self.timeout_s <= 0 or self.deadline_s <= 0 or self.wait_s < 0:
            raise ValueError("timeout_s and deadline_s must be above 0, wait_s must not be below")
        if self.api == "responses" and self.siblings == "together":
            raise ValueError("the Responses API has no n: siblings: together needs api: chat")
        if "n" in self.extra_body:
            raise ValueError("extra_body cannot hold n: a search asks for as many replies as it needs; see siblings")
        _check_key_env(self.api_key_env)
        if self.base_url is not None:
            _check_address(self.base_url, key_env=self.api_key_env)
        if self.endpoints and self.base_url:
            raise ValueError("give base_url or endpoints, not both")
        if (self.rpm is not None and self.rpm <= 0) or (self.tpm is not None and self.tpm <= 0):
            raise ValueError("rpm and tpm must be above 0")
