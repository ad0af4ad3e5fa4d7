"""One try of a job in another process: what travels there, and what comes back."""

from __future__ import annotations

import pickle
import traceback


def attempt(job: bytes) -> bytes:
    """Run a pickled job; what it raised, or None, pickled. Never raises.

    The traceback comes along as a note of the error. An error that cannot be pickled comes as a RuntimeError with its text.
    """
    try:
        pickle.loads(job)()
    except Exception as error:  # whatever it is: whoever gave out the job raises it
        error.add_note(traceback.format_exc())
        return _packed(error)
    return pickle.dumps(None)


def _packed(error: Exception) -> bytes:
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)
    except Exception:  # some classes pickle and fail on the way back, in any way
        plain = RuntimeError(f"{type(error).__name__}: {error}")
        plain.add_note(error.__notes__[-1])
        return pickle.dumps(plain)
    return packed
