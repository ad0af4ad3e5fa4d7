"""What makes two texts the same: NFKC, case folded, white space collapsed. For one text, and for a column of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

Fingerprints = npt.NDArray[np.uint64]
"""(n, 2) uint64: 128 bits each, of XXH3. All zero: nothing to compare."""

_BLANKS = b"\t\n\v\f\r\x1c\x1d\x1e\x1f "
_FOLD = np.frombuffer(bytes(32 if byte in _BLANKS else byte for byte in bytes(range(256)).lower()), dtype=np.uint8)

_FOREIGN = re.compile(rb"[\x80-\xff]+")
_MARKS = b"\xcc", b"\xcd"
"""With these bytes begin the marks (U+0300 to U+036F) that may join a letter of ASCII, and some other characters."""


def folded(text: str) -> str:
    """The text as it is compared."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def fingerprints(texts: pa.LargeStringArray) -> Fingerprints:
    """Fingerprint of each folded text; zero of null and of blank texts.

    ASCII is folded for all texts at once (on ASCII, NFKC changes nothing and folding is lower case), what lies between it run by run.
    """
    made = np.zeros((len(texts), 2), dtype=np.uint64)
    whole = pc.string_is_ascii(texts).fill_null(True).to_numpy(zero_copy_only=False)
    if not whole.all():
        spelled = texts.cast(pa.large_binary()).to_pylist()
        for i in np.flatnonzero(~whole).tolist():
            spelled[i] = _without_foreign(spelled[i])
        texts = pa.array(spelled, pa.large_binary())
    plain, ends = _folded_ascii(texts)
    for i, (start, end) in enumerate(pairwise(ends.tolist())):
        if start < end:
            made[i] = np.frombuffer(xxhash.xxh3_128_digest(plain[start : end - (plain[end - 1] == 32)]), dtype="<u8")
    return made


def _without_foreign(text: bytes) -> bytes:
    """UTF-8 in which all that ASCII folding leaves is folded. Only a mark that joins the letter before it needs the text as a whole."""
    if _MARKS[0] in text or _MARKS[1] in text:
        return folded(text.decode()).encode()
    return _FOREIGN.sub(_folded_run, text)


def _folded_run(run: re.Match[bytes]) -> bytes:
    return _folded_foreign(run[0])


@lru_cache(maxsize=1 << 14)
def _folded_foreign(run: bytes) -> bytes:
    """A run beyond ASCII, folded, with blanks as spaces; whether one is at either end is kept."""
    text = unicodedata.normalize("NFKC", run.decode()).casefold()
    return "".join(" " if character.isspace() else character for character in text).encode()


def digests(columns: Sequence[pa.Array]) -> npt.NDArray[np.uint64]:
    """64 bits of each row of these text columns as they are, (n,)."""
    nothing = pa.scalar("\0", pa.large_string())
    whole = pc.binary_join_element_wise(*(column.cast(pa.large_string()) for column in columns), nothing, null_handling="replace")
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64, count=len(whole) + 1, offset=8 * whole.offset).tolist()
    view = memoryview(data) if data else memoryview(b"")
    hashed = [xxhash.xxh3_64_intdigest(view[start:end]) for start, end in pairwise(ends)]
    return np.array(hashed, dtype=np.uint64)


def _folded_ascii(texts: pa.LargeStringArray | pa.LargeBinaryArray) -> tuple[memoryview, npt.NDArray[np.int64]]:
    """All texts in lower case, blanks in a row as one and none in front; and where each starts, then where the last ends."""
    _, offsets, data = texts.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64, count=len(texts) + 1, offset=8 * texts.offset)
    lower = _FOLD[np.frombuffer(data, dtype=np.uint8)[starts[0] : starts[-1]]] if data else np.empty(0, dtype=np.uint8)
    starts = starts - starts[0]
    blank = lower == 32
    before = np.append(True, blank[:-1])[: len(blank)]
    before[starts[:-1][starts[:-1] < len(before)]] = True
    surplus = blank & before
    gone = np.flatnonzero(surplus)
    if not len(gone):
        return lower.data, starts
    return lower[~surplus].data, starts - np.searchsorted(gone, starts)
