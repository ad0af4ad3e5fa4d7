"""Secrets and personal data in what is about to be published: found in every text column and every text file.

Two passes. RE2 (in Arrow) goes over all text with the loose `near` of each pattern; what it marks, and nothing else, is looked at with
the exact pattern. JSON strings are looked at with their escapes blanked out, so that a key after `\\n` is found as well.
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa

MOST_PLACES = 10
"""Findings of a pattern that are kept; the others are counted."""
_BATCH_ROWS = 1_000
_ESCAPES = re.compile(r"\\+(?:[nrtbf\"]|u[0-9a-fA-F]{4})")
_NO_HOMES = frozenset({"/", "/root", "/nonexistent", "/home"})
_NO_HOSTS = frozenset({"localhost", "localhost.localdomain"})
_SHORTEST_HOST = 4
"""Characters. A shorter name is likely to be a word of a text; so is one of letters alone, which must stand beside a dot or an at."""

# Two-letter domains are those of countries (ISO 3166); the others the common ones of the root zone, https://www.iana.org/domains/root/db.
# The list keeps `A@B.reshape` of a program from being an address.
_DOMAINS = "com|org|net|edu|gov|mil|int|info|biz|name|pro|dev|app|cloud|tech|online|site|xyz|email|[a-z]{2}(?<!\\bto)"
# Names kept for examples (RFC 2606, RFC 6761); addresses of servers and of robots that belong to nobody.
_NOBODY = r"(?![\w.+-]*@(?:[\w-]+\.)*example\.(?:com|org|net)\b)(?!git@)(?!noreply@)(?!no-reply@)"


@dataclass(frozen=True, slots=True)
class Pattern:
    """What to look for."""

    name: str
    near: str
    """RE2 that matches wherever `exact` does, and maybe elsewhere."""
    exact: re.Pattern[str]
    means: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One match: where, what kind, and the match with all but its beginning masked."""

    path: str
    row: int
    """From 0 in a table, as `datasets` counts; of a text file the line, from 1."""
    column: str | None
    """None: a text file."""
    pattern: str
    masked: str

    def __str__(self) -> str:
        place = f"line {self.row}" if self.column is None else f"row {self.row}, column {self.column}"
        return f"{self.path}, {place}: {self.pattern} {self.masked}"


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan came to."""

    findings: tuple[Finding, ...]
    """The first `MOST_PLACES` of each pattern."""
    counts: dict[str, int]
    """Pattern -> matches."""


def _pattern(name: str, near: str, exact: str, means: str) -> Pattern:
    return Pattern(name, near, re.compile(exact, re.ASCII), means)  # as RE2 reads `\w`


SECRETS = (
    # Form of the keys: docs of the vendors, and the rules of gitleaks, https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml
    _pattern("anthropic", r"sk-ant-", r"\bsk-ant-[a-z]+\d\d-[\w-]{40,}", "a key of Anthropic"),
    # OpenAI, and those that write theirs alike (OpenRouter, DeepSeek): a digit, and a run of 16 without a dash, which no word has.
    _pattern(
        "openai",
        r"sk-[\w-]{20}",
        r"(?<![A-Za-z0-9])sk-(?!ant-)(?=[\w-]*\d)(?=[\w-]*[A-Za-z0-9]{16})[\w-]{20,}",
        "a key of OpenAI or a service like it",
    ),
    _pattern("hugging_face", r"hf_[A-Za-z0-9]{30}", r"\bhf_[A-Za-z0-9]{30,}\b", "a token of Hugging Face"),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes; base32, hence no 0, 1, 8, 9
    _pattern("aws", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b", "a key id of AWS"),
    # https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    _pattern(
        "github",
        r"gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22}",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})",
        "a token of GitHub",
    ),
    _pattern("google", r"AIza[\w-]{35}", r"\bAIza[\w-]{35}(?![\w-])", "a key of Google"),
    # https://api.slack.com/authentication/token-types
    _pattern("slack", r"xox[abeoprs]-", r"\bxox[abeoprs]-(?=[\w-]*\d)[A-Za-z0-9]+-[A-Za-z0-9-]{8,}", "a token of Slack"),
    # RFC 7468, section 10 and 11; OpenPGP: RFC 9580, section 6.2
    _pattern("private_key", r"-----BEGIN [A-Z ]*PRIVATE KEY", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----", "a private key"),
    # RFC 7519 in the compact form of RFC 7515: `eyJ` is the base64 of `{"`
    _pattern("jwt", r"eyJ[\w-]{8,}\.eyJ", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}", "a JSON web token"),
)
PERSONAL = (
    # RFC 5321, section 4.1.2, the dot-string alone. A call or a subscript after it is a program's `A@B.ab(...)`.
    _pattern(
        "email",
        r"[\w-]@[A-Za-z0-9-]+\.[A-Za-z]{2}",
        rf"(?<![\w.+@/-]){_NOBODY}[A-Za-z][\w.+-]*@(?:[A-Za-z0-9][A-Za-z0-9-]*\.)+(?:{_DOMAINS})(?![\w(\[-]|\.\w)",
        "an e-mail address",
    ),
    # ITU-T E.164 with its groups written apart, and the North American plan; 555-01xx is kept for fiction. Groups apart by
    # spaces alone are as often a sum, `x +1 000 000`: they count only after a word for a telephone.
    _pattern(
        "phone",
        r"(?i:tel|phone|fax|whatsapp)\W|\+\d[\d .()-]{1,14}-\d{2,4}[ -]\d{3}|\d{3}\)? ?-?[2-9]\d{2}-\d{4}",
        r"(?i:\b(?:tel|phone|telephone|fax|whatsapp)\b(?: number| no)?[ :.]{1,3})\+?[\d(][\d ().-]{7,16}\d"
        r"|(?<![\w+*/=.)-])\+[1-9]\d{0,2}[ .-]?\(?\d{1,4}\)?-\d{2,4}[ -]\d{3,4}(?:[ -]\d{2,4})?(?![\w.-]|\s*[+*/=^-]\s*\d)"
        r"|(?<![\w+*/=.)-])\([2-9]\d{2}\) ?[2-9](?!55-01)\d{2}-\d{4}(?![\w-])"
        r"|(?<![\w+*/=.)-])[2-9]\d{2}-[2-9](?!55-01)\d{2}-\d{4}(?![\w.-]|\s*[+*/=^-]\s*\d)",
        "a telephone number",
    ),
)
LOCAL_NAMES = ("home_path", "host_name")
"""Patterns that depend on the machine: see `local_patterns`."""
NAMES = (*(pattern.name for pattern in (*SECRETS, *PERSONAL)), *LOCAL_NAMES)
"""All that can be allowed by name."""


def local_patterns(*, home: str | None = None, host: str | None = None) -> tuple[Pattern, ...]:
    """What gives away this machine: the path of the user's `home` and the name of the `host`; None: those of this process.

    A home that many share (`/root`), and a host of fewer than four characters, say nothing and are not looked for.
    """
    home = str(Path.home()) if home is None else home
    host = socket.gethostname() if host is None else host
    found = []
    if home.rstrip("/") not in (*_NO_HOMES, ""):
        path = re.escape(home.rstrip("/"))
        found.append(_pattern("home_path", path, rf"{path}(?![\w-])", "your home folder"))
    if len(host) >= _SHORTEST_HOST and host not in _NO_HOSTS:
        name = re.escape(host)
        exact = rf"(?<![\w-]){name}(?![\w-])" if not host.isalpha() else rf"(?<=@){name}\b|(?<![\w.-]){name}\.(?:local|lan|internal|home)\b"
        found.append(_pattern("host_name", name, exact, "the name of this machine"))
    return tuple(found)


class Scanner:
    """Goes over texts and keeps what it finds. Ask `result` at the end."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self._near = "|".join(f"(?:{pattern.near})" for pattern in self._patterns)
        self._findings: list[Finding] = []
        self._counts: Counter[str] = Counter()

    @property
    def result(self) -> Scan:
        return Scan(tuple(self._findings), dict(sorted(self._counts.items())))

    def parquet(self, name: str, path: Path) -> None:
        """All text columns of a file, nested ones too, a thousand rows at a time. `name`: what to call the file.

        Raises: OSError, pyarrow.ArrowException for what is no Parquet file.
        """
        import pyarrow.parquet as pq

        row = 0
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for column in batch.schema.names:
                    for at, texts, rows in _texts(column, batch[column], _range(row, batch.num_rows)):
                        self._look(name, at, texts, rows)
                row += batch.num_rows

    def text(self, name: str, source: BinaryIO) -> None:
        """A text file, line by line; one that is not UTF-8 is no text. Raises: OSError."""
        import pyarrow as pa

        line = 1
        while lines := list(islice(source, _BATCH_ROWS)):
            try:
                texts = [text.decode() for text in lines]
            except UnicodeDecodeError:
                return
            self._look(name, None, pa.array(texts, pa.large_string()), _range(line, len(lines)))
            line += len(lines)

    def _look(self, name: str, column: str | None, texts: pa.Array, rows: pa.Array) -> None:
        import pyarrow.compute as pc

        if not self._patterns:
            return
        places = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(texts, self._near), False))
        for text, row in zip(texts.take(places).to_pylist(), rows.take(places).to_pylist(), strict=True):
            for pattern, match in self._matches(text):
                self._counts[pattern] += 1
                if self._counts[pattern] <= MOST_PLACES:
                    self._findings.append(Finding(name, row, column, pattern, _masked(match)))

    def _matches(self, text: str) -> Iterator[tuple[str, str]]:
        plain = _ESCAPES.sub(" ", text)
        for pattern in self._patterns:
            for found in pattern.exact.finditer(plain):
                yield pattern.name, found[0]


def _range(start: int, count: int) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    return pa.array(np.arange(start, start + count))


def _texts(name: str, array: pa.Array, rows: pa.Array) -> Iterator[tuple[str, pa.Array, pa.Array]]:
    """Each string array within a column: its name, its strings, and for each the row that it belongs to."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _texts(f"{name}.{field.name}", pc.struct_field(array, field.name), rows)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _texts(name, pc.list_flatten(array), rows.take(pc.list_parent_indices(array)))
    elif isinstance(kind, pa.BaseExtensionType):  # a column of JSON
        yield from _texts(name, array.storage, rows)
    elif pa.types.is_dictionary(kind):
        yield from _texts(name, array.dictionary_decode(), rows)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        yield name, array.cast(pa.large_string()), rows


def _masked(match: str) -> str:
    """The first characters, at most four and at most a quarter, and how long it is."""
    return f"{match[: min(4, len(match) // 4)]}*** ({len(match)} characters)"
