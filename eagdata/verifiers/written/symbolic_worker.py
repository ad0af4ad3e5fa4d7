"""The process in which math-verify compares two texts. Started by its path, with nothing of eagdata in it.

It reads lines of JSON `[reference, answer]` and writes `true`, `false`, or a text that says why there is no verdict. Each comparison has a
budget of processor time; the signal that ends it kills the process, whatever it is in. It may open no file to write, start no
process and reach no network: the texts were written by a model.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import TextIO

_SECONDS_EACH = 5.0
_MEMORY_BYTES = 2 << 30
_FORBIDDEN = ("subprocess.", "socket.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.kill", "shutil.")
_DIGITS = 30
"""Constants are compared to so many digits: 1.414214 is not the root of 2. math-verify's own 6 digits say that it is."""


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        os._exit(3)


def _say(replies: TextIO, reply: bool | str) -> None:
    replies.write(json.dumps(reply) + "\n")
    replies.flush()


def _main() -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no reply
    from math_verify import parse, verify
    from math_verify.parser import LatexExtractionConfig

    config = [LatexExtractionConfig(boxed_match_priority=0)]

    def parsed(text: str) -> list[object]:
        return list(parse(f"\\boxed{{{text}}}", extraction_config=config, fallback_mode="no_fallback", parsing_timeout=None))

    def compare(reference: str, answer: str) -> bool | str:
        wanted, found = parsed(reference), parsed(answer)
        if not wanted or not verify(wanted, wanted, float_rounding=_DIGITS, numeric_precision=_DIGITS + 10, timeout_seconds=None):
            return "math-verify cannot read the reference, or does not find it equal to itself"
        return bool(found) and verify(wanted, found, float_rounding=_DIGITS, numeric_precision=_DIGITS + 10, timeout_seconds=None)

    compare("1+x", "x+1")
    for limit, most in ((resource.RLIMIT_AS, _MEMORY_BYTES), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, most))
    sys.addaudithook(_guard)
    _say(replies, "ready")
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, _SECONDS_EACH)
        try:
            reply: bool | str = compare(*json.loads(line))
        except Exception as error:  # the parsers raise anything; none of it is a verdict
            reply = f"math-verify: {type(error).__name__}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        _say(replies, reply)


if __name__ == "__main__":
    _main()
