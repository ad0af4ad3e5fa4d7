"""Any tokenizer of Hugging Face, from its `tokenizer.json`: a file, a folder that holds one, or a model of the Hub.

A text is counted as `tokenizer.encode(text, add_special_tokens=False)` does, except that a special token in it is text: the
rank files count it so too. Added tokens that the file does not call special stay single tokens, as the file says.
Source: https://huggingface.co/docs/tokenizers, `Tokenizer.encode_special_tokens`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from eagdata.contracts import settings
from eagdata.errors import BoundaryError, PrerequisiteError, RecipeError
from eagdata.hub import parsed
from eagdata.records import well_formed

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_FILE = "tokenizer.json"


class HuggingFaceTokenizer:
    """A tokenizer of Hugging Face, read when it is made. Needs the package `tokenizers`. 10 times as slow as tiktoken."""

    @settings
    class Config:
        path: str
        """Path of a `tokenizer.json` or of a folder that holds one; or a model of the Hub: `owner/name`, `owner/name@revision`."""

    def __init__(self, config: Config) -> None:
        """Read it. Raises: PrerequisiteError if the package is missing; RecipeError if there is no such tokenizer; BoundaryError."""
        self.config = config
        self.name = f"hf:{config.path}"
        data = _file(config.path).read_bytes()
        self.revision = hashlib.sha256(data).hexdigest()[:12]
        self._tokenizer = _tokenizer(data, self.name)

    def count(self, text: str) -> int:
        """Number of tokens of `text`, special ones as ordinary text. Any string will do. Raises nothing."""
        return len(self._tokenizer.encode(well_formed(text), add_special_tokens=False).ids)


def _tokenizer(data: bytes, name: str) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        why = "it needs the package tokenizers"
        raise PrerequisiteError(f"cannot read tokenizer {name!r}", why=why, mend="pip install tokenizers") from error
    try:
        made = Tokenizer.from_str(data.decode())
    except Exception as error:  # its parser raises bare exceptions
        raise RecipeError(f"cannot read tokenizer {name!r}", why=str(error), mend=f"give the {_FILE} of a fast tokenizer") from error
    made.no_truncation()
    made.no_padding()
    made.encode_special_tokens = True
    return made


def _file(path: str) -> Path:
    """Raises: RecipeError; BoundaryError."""
    found = Path(path) / _FILE if Path(path).is_dir() else Path(path)
    if found.is_file():
        return found
    wanted = parsed(path)
    if wanted is None or Path(path).is_dir():
        why = f"{found} is no file, and {path!r} no owner/name of a model of the Hub"
        raise RecipeError(f"there is no tokenizer {path!r}", why=why, mend=f"give a {_FILE}, its folder, or owner/name")
    return _of_hub(wanted.path, wanted.revision)


def _of_hub(model: str, revision: str | None) -> Path:
    from huggingface_hub import errors, hf_hub_download

    what = f"cannot load the tokenizer of {model!r}"
    absent = (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError, errors.HFValidationError)
    try:
        return Path(hf_hub_download(model, _FILE, revision=revision))
    except Exception as error:  # of huggingface_hub and of its transports, which share no base
        why = f"{type(error).__name__}: {error}"
        if isinstance(error, absent) and not isinstance(error, errors.LocalEntryNotFoundError):
            mend = f"check the name, and that it has a {_FILE}; a private or gated model needs HF_TOKEN"
            raise RecipeError(what, why=why, mend=mend) from error
        fetch = f"hf download {model} {_FILE} --local-dir DIR"
        mend = f"check the network and HF_ENDPOINT; or, where there is a network: {fetch}; then: --tokenizer hf:DIR"
        raise BoundaryError(what, why=why, mend=mend) from error
