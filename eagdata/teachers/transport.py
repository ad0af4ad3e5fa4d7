"""HTTP beneath the `openai` client: its address, key and headers; aiohttp moves the bytes, orjson reads them.

Why not the client's own transport: building and checking its typed objects costs 0.8 ms of CPU a call, 11.6 ms with a history
of 100 messages, and its pool slows down as calls pile up; beneath it a call costs less than a tenth of that (measured by
`benchmarks/teacher.py`).
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

KEEP_ALIVE_S = 4.0
"""Idle connections are dropped before the server does it: uvicorn, beneath vLLM and SGLang, hangs up after 5 s, and a request
that meets the closing door is lost after it was sent."""
MOST_BYTES = 64 * 2**20
"""A longer body is no chat completion."""


class TooLong(Exception):
    """The body is longer than `MOST_BYTES`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever the status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Connections to one base URL, kept alive. Opened and closed by its owner."""

    def __init__(self, url: str, *, key: str | None, timeout_s: float) -> None:
        self._url, self._key, self._timeout_s = url, key, timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(30.0, timeout_s))
        self._proxy: str | None = None

    async def open(self) -> None:
        """Connects to nothing yet."""
        _allow_many_sockets()
        scheme, host = urlsplit(self._url).scheme, urlsplit(self._url).hostname or ""
        self._proxy = None if proxy_bypass(host) else getproxies().get(scheme)  # once: aiohttp would look at each request
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=300),
            headers=_headers(self._url, self._key),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Hang up. Twice is fine."""
        if self._session:
            await self._session.close()
            self._session = None

    async def exchange(self, path: str, body: bytes | None, *, timeout_s: float) -> Answer:
        """POST `body` (GET where there is none) to base URL + `path`. The time is a total: bytes that trickle in do not stretch it.

        Raises: aiohttp.ClientError, TimeoutError, TooLong; RuntimeError if it is not open.
        """
        if self._session is None:
            raise RuntimeError("open the teacher with `async with` before asking it")
        method = "GET" if body is None else "POST"
        data = None if body is None else aiohttp.BytesPayload(body, content_type="application/json")
        timeout = self._timeout if timeout_s >= self._timeout_s else aiohttp.ClientTimeout(total=timeout_s)
        async with self._session.request(method, self._url + path, data=data, proxy=self._proxy, timeout=timeout) as response:
            raw = await (response.read() if (response.content_length or MOST_BYTES) < MOST_BYTES else _bounded(response))
            return Answer(response.status, response.headers, raw)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body of an answer that does not say how long it is, or says that it is too long."""
    parts, total = [], 0
    async for part in response.content.iter_any():
        total += len(part)
        if total > MOST_BYTES:
            raise TooLong(f"the body is longer than {MOST_BYTES >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def _headers(url: str, key: str | None) -> dict[str, str]:
    """As the `openai` client sends them, without its ten lines of telemetry: authorization, organisation, project."""
    from openai import AsyncOpenAI  # 0.4 s and 57 MB: only when used

    client = AsyncOpenAI(base_url=url, api_key=key or "none")  # local servers want no key, the package wants one
    sent = {name: value for name, value in client.default_headers.items() if isinstance(value, str) and not name.startswith("X-Stainless")}
    return {**sent, **client.auth_headers, "User-Agent": f"eagdata/{version('eagdata')} {sent.get('User-Agent', '')}".strip()}


def _allow_many_sockets() -> None:
    """Raise the soft limit of open files to what the system allows: many systems start at 1,024, fewer than calls in flight."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
