"""What models cost: files of dated prices, of which the user's own win over the shipped one, `prices.yaml` beside this module."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Protocol, cast

import yaml

from eagdata.contracts import settings
from eagdata.errors import RecipeError

_FORM = 'MODEL: {prompt: 0.5, cached: 0.05, completion: 1.5, as_of: 2026-10-14, source: "https://..."}'


@settings
class Price:
    """USD per million tokens of one model."""

    prompt: float
    """A prompt token that is not read from a cache, at the highest rate that applies."""
    completion: float
    """A completion token, thinking included."""
    cached: float | None = None
    """A prompt token read from a cache; None: like any other."""
    up_to_prompt_tokens: int | None = None
    """Longer prompts cost more, how much is unknown; None: the price holds for every length."""
    as_of: date | None
    """The day on which the source said so; None: nobody noted it."""
    source: str
    """Where it stands, for people."""

    def __post_init__(self) -> None:
        for rate in (self.prompt, self.completion, self.cached):
            if rate is not None and not 0 <= rate < float("inf"):
                raise ValueError(f"{rate!r} is no price")
        if self.cached is not None and self.cached > self.prompt:
            raise ValueError(
                f"cached ({self.cached:g}) is above prompt ({self.prompt:g}), which must be the highest rate of a prompt token"
            )

    def cost(self, prompt: int | None, completion: int | None, cached: int | None) -> float | None:
        """USD for so many tokens, `cached` being those of `prompt` that came from a cache. None where a count is unknown, or the
        prompt too long for this price."""
        if prompt is None or completion is None or (self.up_to_prompt_tokens is not None and prompt > self.up_to_prompt_tokens):
            return None
        hits = min(cached or 0, prompt)
        per_hit = self.prompt if self.cached is None else self.cached
        return ((prompt - hits) * self.prompt + hits * per_hit + completion * self.completion) / 1e6

    def words(self) -> str:
        """E.g. `0.4 USD per million prompt tokens (cached 0.1), 1.6 completion; 2026-10-14, https://...`."""
        hits = "" if self.cached is None else f" (cached {self.cached:g})"
        when = f"{self.as_of.isoformat()}, " if self.as_of else ""
        return f"{self.prompt:g} USD per million prompt tokens{hits}, {self.completion:g} completion; {when}{self.source}"


class PriceSettings(Protocol):
    """The settings of a teacher that is paid by the token."""

    @property
    def prices(self) -> str | None: ...
    @property
    def price_prompt_usd_per_mtok(self) -> float | None: ...
    @property
    def price_completion_usd_per_mtok(self) -> float | None: ...
    @property
    def price_cached_usd_per_mtok(self) -> float | None: ...


def price_in(given: PriceSettings, model: str | None) -> Price | None:
    """The price that the settings of a teacher say, else that of a file. None: unknown. Raises: RecipeError for a wrong price or file."""
    prompt, completion = given.price_prompt_usd_per_mtok, given.price_completion_usd_per_mtok
    if prompt is None or completion is None:
        return price_of(model, file=given.prices) if model else None
    try:
        return Price(prompt=prompt, completion=completion, cached=given.price_cached_usd_per_mtok, as_of=None, source="the recipe")
    except ValueError as error:
        raise RecipeError("the recipe's price is none", why=str(error), mend="mend teacher.price_*_usd_per_mtok") from error


def price_of(model: str, *, file: str | None) -> Price | None:
    """The price of a model by its name: from `file` if there is one, else the user's, else the shipped one. None: unknown.

    Raises: RecipeError for a file that cannot be read, with all that is wrong in it.
    """
    own = user_file()
    for path in (*((Path(file),) if file else ()), *((own,) if own.exists() else ()), _shipped()):
        for pattern, price in _read(path).items():
            if fnmatchcase(model, pattern):
                return price
    return None


def user_file() -> Path:
    """The user's own prices. Source of the place: XDG Base Directory Specification 0.8."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "eagdata" / "prices.yaml"


def how_to_add(model: str) -> str:
    """What to put where, so that the price of `model` is known. The placeholders are refused as prices."""
    today = datetime.now(UTC).date().isoformat()
    line = f'{json.dumps(model)}: {{prompt: USD, completion: USD, as_of: {today}, source: "where it stands"}}'
    return f"put into {user_file()} (or the file of teacher.prices) this line, in USD per million tokens:\n{line}"


def _shipped() -> Path:
    return cast("Path", files("eagdata.teachers") / "prices.yaml")


def _read(path: Path) -> dict[str, Price]:
    """Pattern -> price, in the order of the file."""
    from pydantic import TypeAdapter, ValidationError  # takes 60 ms to import, so it comes late

    found: dict[str, Price] = {}
    problems: list[str] = []
    valid = TypeAdapter(Price)
    for model, line, given, lines in _entries(path):
        if model in found:
            problems.append(f"{path}:{line}: {model} is given twice")
        try:
            found[model] = valid.validate_python(given)
        except ValidationError as error:
            for detail in error.errors():
                key = ".".join(map(str, (model, *detail["loc"])))
                at = lines.get(str(detail["loc"][0]), line) if detail["loc"] else line
                problems.append(f"{path}:{at}: {key}: {detail['msg'].removeprefix('Value error, ')}")
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise RecipeError(f"{path} has {count}", why="\n".join(problems), mend=f"mend these lines; each reads {_FORM}")
    return found


def _entries(path: Path) -> Iterator[tuple[str, int, object, dict[str, int]]]:
    """Each model of a file with its line, its value, and the lines of the value's keys."""
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        if root is None:
            return
        if not isinstance(root, yaml.MappingNode):
            raise RecipeError(f"{path} holds no prices", why="it is no mapping of models to prices", mend=f"write lines like {_FORM}")
        for key, value in root.value:
            inner = value.value if isinstance(value, yaml.MappingNode) else ()
            lines = {name.value: name.start_mark.line + 1 for name, _ in inner}
            yield str(key.value), key.start_mark.line + 1, loader.construct_object(value, deep=True), lines
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(
            f"cannot read the prices in {path}", why=str(error), mend="mend the file, or the path in teacher.prices"
        ) from error
