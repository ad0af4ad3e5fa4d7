"""What an endpoint may do instead of answering, how long to be patient with it, and what to say in the end."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, wait_random_exponential

from eagdata.errors import EagdataError, PrerequisiteError, TeacherError
from eagdata.records import Json

_PASSING = frozenset({408, 409, 425, 429})
"""Client errors that another try may cure: timeout, conflict, too early, too many requests. All 5xx are too."""
_UNPAID = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""OpenAI's codes of a 429 that waiting does not cure. Source: OpenAI's guide "Error codes"."""
_KEY_LIKE = re.compile(r"\b(?:sk|pk|gsk|hf|key)[-_][\w*.-]{4,}")
_MEND_404 = "check the name of the model, and the base URL, which usually ends in /v1"
_LONGEST_WAIT_S = 60.0
_JITTER = 0.5
"""Retry-After is stretched by up to this share, never cut, so that the waiting do not all come back at once."""


class Again(Exception):
    """A fault that another try may cure. `error` is what to raise if none does."""

    def __init__(self, error: TeacherError, *, throttled: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(error.what)
        self.error = error
        self.throttled = throttled
        self.retry_after_s = retry_after_s


@dataclass(kw_only=True)
class Patience:
    """Tenacity's `stop` and `wait` for one call. A throttled try is not counted as one; only the deadline bounds those."""

    attempts: int
    deadline_s: float
    wait_s: float
    failed: int = 0

    def stop(self, state: RetryCallState) -> bool:
        self.failed += not _again(state).throttled
        return self.failed >= self.attempts or (state.seconds_since_start or 0) + state.upcoming_sleep >= self.deadline_s

    def wait(self, state: RetryCallState) -> float:
        """Seconds. Retry-After if there is one; else full jitter below a doubling bound.

        Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
        """
        asked = _again(state).retry_after_s
        if asked is not None:
            return asked * random.uniform(1, 1 + _JITTER)
        return wait_random_exponential(multiplier=self.wait_s, max=_LONGEST_WAIT_S)(state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Whom the errors speak of. The key is here only so that no text ever holds it."""

    url: str
    key_env: str
    key: str | None = field(default=None, repr=False)

    def refused(self, status: int, *, body: Json, headers: Mapping[str, str]) -> EagdataError | Again:
        """What to raise for an HTTP status of 400 or above, or for such a code inside a 200."""
        what, said = f"teacher 'openai_chat' got {status} from {self.url}", self._said(body)
        if status in (401, 403):
            return self._no_key(what, said)
        if status == 402 or (status == 429 and _code(body) in _UNPAID):
            return TeacherError(what, why=said or "the account has no credit left", mend="top up the account, then resume with --resume")
        if status in _PASSING or status >= 500:
            error = TeacherError(what, why=said, mend="resume with --resume once the endpoint is well again, or lower --concurrency")
            return Again(error, throttled=status == 429, retry_after_s=_retry_after_s(headers))
        mend = _MEND_404 if status == 404 else "mend the settings of the teacher in the recipe"
        return TeacherError(what, why=said, mend=mend, retryable=False)

    def silent(self, error: Exception) -> Again:
        """What to raise when the connection fails, or no whole answer comes in time."""
        cause = error.__cause__ or error
        why = self._without_key(str(cause)) or type(cause).__name__
        mend = f"check that a server listens at {self.url}, or give another with --base-url; then resume with --resume"
        return Again(TeacherError(f"teacher 'openai_chat' got no answer from {self.url}", why=why, mend=mend))

    def garbled(self, why: str) -> Again:
        """What to raise for a 200 whose body is no completion."""
        mend = "check that the endpoint speaks chat completions: its base URL usually ends in /v1"
        what = f"teacher 'openai_chat' got an unusable answer from {self.url}"
        return Again(TeacherError(what, why=self._without_key(why), mend=mend))

    def _no_key(self, what: str, said: str) -> PrerequisiteError:
        why = f"the key in {self.key_env} was refused" if self.key else f"no key; {self.key_env} is unset"
        return PrerequisiteError(what, why=f"{why} ({said})" if said else why, mend=f"export {self.key_env}=..., then resume with --resume")

    def _said(self, body: Json) -> str:
        """The server's own words, at most 300 characters of them."""
        error = body.get("error", body) if isinstance(body, dict) else body
        words = error.get("message", error.get("detail")) if isinstance(error, dict) else error
        return "" if words is None else self._without_key(" ".join(str(words).split()))[:300]

    def _without_key(self, text: str) -> str:
        """`text` without our key, and without anything that looks like one: servers quote keys back."""
        return _KEY_LIKE.sub("***", text.replace(self.key, "***") if self.key else text)


def _again(state: RetryCallState) -> Again:
    found = state.outcome.exception() if state.outcome else None
    assert isinstance(found, Again)  # the only exception that is retried
    return found


def _code(body: Json) -> Json:
    error = body.get("error", body) if isinstance(body, dict) else None
    return (error.get("code") or error.get("type")) if isinstance(error, dict) else None


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3)."""
    for header, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(header, "")
        if re.fullmatch(r"\d+(?:\.\d+)?", value.strip()):
            return float(value) * unit_s
    try:
        when = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(UTC)).total_seconds()) if when.tzinfo else None
