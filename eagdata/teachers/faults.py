"""What an endpoint may do instead of answering, how long to be patient with it, and what to say in the end.

    what came                                    may be billed   tried again             in the end
    -------------------------------------------  --------------  ----------------------  ------------------------------
    200 with choices: an answer, also one that   yes             no: journaled and       the reply; the search decides
      ends in `length` or `content_filter`, or                     judged once             whether to ask for another
      is empty, or holds an error beside them
    200 {"error": ...} without choices           if it counts    as its code says,       as its code says
                                                   tokens          502 if it has none
    200 with malformed JSON, or no completion    yes             yes                     the rollout fails, retryable
    200 with a body beyond 64 MiB                yes             no                      the rollout fails
    429 too many requests                        no              yes; spends no attempt  the deadline alone ends it
    429 insufficient_quota, 402                  no              no                      the rollout fails, retryable
    408, 504, 524 time out upstream              yes             yes                     the rollout fails, retryable
    409, 425, other 5xx                          no              yes                     the rollout fails, retryable
    401, 403                                     no              no                      the run ends: the key is refused
    400, 404, 422 and other 4xx                  no              no                      the rollout fails, not retryable
    no connection, no such host                  no              yes                     the rollout fails, retryable
    time out, reset, half a body                 yes             yes                     the rollout fails, retryable

"Tried again" is bounded by `attempts` and by `deadline_s`; Retry-After is honoured. "May be billed" holds the worst case of the
try against the budget. A rollout that fails with a retryable fault is begun again when the run is resumed, with what is journaled.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

from eagdata.errors import EagdataError, PrerequisiteError, TeacherError
from eagdata.records import Json

_PASSING = frozenset({408, 409, 425, 429})
"""Client errors that another try may cure: timeout, conflict, too early, too many requests. All 5xx are too."""
_MAYBE_BILLED = frozenset({408, 504, 524})
"""Somebody waited for the model in vain: it may have worked all the same."""
_UNPAID = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
"""OpenAI's codes of a 429 that waiting does not cure. Source: OpenAI's guide "Error codes"."""
_KEY_LIKE = re.compile(r"\b(?:sk|pk|gsk|hf|key)[-_][\w*.-]{4,}")
_MEND_404 = "check the name of the model, and the base URL, which usually ends in /v1"
_LONGEST_WAIT_S = 60.0
_LONGEST_THROTTLED_S = 8.0
"""Without a Retry-After, a throttled call asks again after so long at most: a storm that has passed is noticed soon."""
_SHORTEST_WAIT_S = 0.05
_JITTER = 0.5
"""Retry-After is stretched by up to this share, never cut, so that the waiting do not all come back at once."""


class Again(Exception):
    """A fault that another try may cure. `error` is what to raise if none does."""

    def __init__(self, error: TeacherError, *, throttled: bool = False, lost: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(error.what)
        self.error = error
        """Not retryable: it is raised at once."""
        self.throttled = throttled
        self.lost = lost
        """It was sent, and may be billed."""
        self.retry_after_s = retry_after_s


@dataclass(kw_only=True)
class Patience:
    """How long to wait before the next try of one call. A throttled try is not counted as one; only the deadline bounds those."""

    attempts: int
    deadline_s: float
    wait_s: float
    failed: int = 0
    throttled: int = 0
    started: float = field(default_factory=monotonic)
    _refusal: TeacherError | None = None
    """What the server said when it last throttled: why the time ran out, though the deadline may cut the last try short."""

    @property
    def left_s(self) -> float:
        """Seconds until the deadline of the call."""
        return self.started + self.deadline_s - monotonic()

    def before_next(self, again: Again) -> float:
        """Seconds. Retry-After if there is one; else full jitter below a doubling bound. Raises: TeacherError if it has run out.

        Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
        """
        if not again.error.retryable:
            raise again.error
        self.failed += not again.throttled
        self.throttled += again.throttled
        self._refusal = again.error if again.throttled else self._refusal
        if again.retry_after_s is not None:
            wait = max(again.retry_after_s, _SHORTEST_WAIT_S) * random.uniform(1, 1 + _JITTER)
        elif again.throttled:
            wait = random.uniform(0.5, 1) * min(self.wait_s * 2 ** min(self.throttled - 1, 30), _LONGEST_THROTTLED_S)
        else:
            wait = random.uniform(0, min(self.wait_s * 2 ** min(self.failed - 1, 30), _LONGEST_WAIT_S))
        if self.failed >= self.attempts or wait >= self.left_s:
            error = self._refusal if self._refusal and self.left_s <= 0 else again.error
            tries = self.failed + self.throttled
            raise TeacherError(f"{error.what}, {tries} times", why=error.why, mend=error.mend) from again
        return wait


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
            lost = status in _MAYBE_BILLED or _counts_tokens(body)
            return Again(error, throttled=status == 429, lost=lost, retry_after_s=retry_after_s(headers))
        mend = _MEND_404 if status == 404 else "mend the settings of the teacher in the recipe"
        return TeacherError(what, why=said, mend=mend, retryable=False)

    def unreached(self, error: Exception) -> Again:
        """What to raise when there was no connection to send anything over."""
        return self._silent(error, lost=False)

    def silent(self, error: Exception) -> Again:
        """What to raise when a request was sent, and no whole answer came back."""
        return self._silent(error, lost=True)

    def garbled(self, why: str) -> Again:
        """What to raise for a 200 whose body is no completion."""
        mend = "check that the endpoint speaks chat completions: its base URL usually ends in /v1"
        what = f"teacher 'openai_chat' got an unusable answer from {self.url}"
        return Again(TeacherError(what, why=self._without_key(why), mend=mend), lost=True)

    def overlong(self, why: str) -> Again:
        """What to raise for a body without end: asking again would only be paid for again."""
        what = f"teacher 'openai_chat' got an unusable answer from {self.url}"
        mend = "lower teacher.max_tokens, or check what the base URL points to"
        return Again(TeacherError(what, why=why, mend=mend, retryable=False), lost=True)

    def _silent(self, error: Exception, *, lost: bool) -> Again:
        why = self._without_key(str(error)) or type(error).__name__
        mend = f"check that a server listens at {self.url}, or give another with --base-url; then resume with --resume"
        return Again(TeacherError(f"teacher 'openai_chat' got no answer from {self.url}", why=why, mend=mend), lost=lost)

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


def retry_after_s(headers: Mapping[str, str]) -> float | None:
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


def _code(body: Json) -> Json:
    error = body.get("error", body) if isinstance(body, dict) else None
    return (error.get("code") or error.get("type")) if isinstance(error, dict) else None


def _counts_tokens(body: Json) -> bool:
    """Whether an error comes with a bill."""
    usage = body.get("usage") if isinstance(body, dict) else None
    return isinstance(usage, dict) and any(isinstance(value, int) and value > 0 for value in usage.values())
