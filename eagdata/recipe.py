"""Recipe (what the file says) -> Plan (resolved, typed, digest). All problems are reported at once, each with its line."""

from __future__ import annotations

import difflib
import re
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import yaml

from eagdata.errors import EagdataError, RecipeError
from eagdata.plan import Budget, CurationPlan, Expect, Limits, Plan, Prompt, Rows, Thresholds, Verification
from eagdata.records import Json, from_json, to_json
from eagdata.registry import plugin_class

DEFAULT_RECIPE = "quickstart"
PLUGIN_SECTIONS = {
    "tasks": "tasks", "teacher": "teachers", "search": "search", "environment": "environments",
    "correction": "teachers", "appeal": "teachers",
}  # fmt: skip
OPTIONAL_SECTIONS = ("correction", "appeal")
CURATION, EXPORTS = "curation", "exports"
_SET_NAME = re.compile(r"[a-z0-9_]+")
_OWN_SETS = ("trajectories", "traces", "rejected")
SECTIONS: Mapping[str, type] = {
    "limits": Limits, "prompt": Prompt, "verification": Verification, "rows": Rows, "thresholds": Thresholds,
    "budget": Budget, "expect": Expect,
}  # fmt: skip

Path_ = tuple[str | int, ...]
P = TypeVar("P")


def recipe_folders() -> tuple[Path, ...]:
    """Where shipped recipes lie: in a checkout, or beside an installed package."""
    return (Path(__file__).parent.parent / "recipes", Path(sysconfig.get_path("data")) / "share" / "eagdata" / "recipes")


def shipped_recipes() -> dict[str, Path]:
    """Name -> file of every shipped recipe, sorted."""
    found: dict[str, Path] = {}
    for folder in reversed(recipe_folders()):
        found.update((path.stem, path) for path in folder.glob("*.yaml"))
    return dict(sorted(found.items()))


def read_plan(recipe: str = DEFAULT_RECIPE, *, overrides: Mapping[str, Json] | None = None) -> Plan:
    """The plan of a recipe file, or of a shipped recipe by name. `overrides`: dotted key -> value, over what the file says.

    Raises: RecipeError that lists every problem with `file:line`; PrerequisiteError if a plugin does not load.
    """
    path = find_recipe(recipe)
    reader = _Reader(_Document(path, overrides or {}))
    if CURATION in reader.document.data and not PLUGIN_SECTIONS.keys() & reader.document.data.keys():
        raise RecipeError(
            f"{path} makes no rows",
            why="it holds stages of curation, and neither tasks nor a teacher",
            mend=f"eagdata curate DATA --recipe {recipe} --out DIR",
        )
    return _whole(reader.plan(), reader, mend=f"eagdata generate {recipe} --dry-run")


def read_curation(recipe: str | None = None, *, overrides: Mapping[str, Json] | None = None, against: Sequence[str] = ()) -> CurationPlan:
    """The stages of a recipe's section `curation`; None: exact and near duplicates. Overrides reach a stage as `curation.0.KEY`.

    `against`: benchmarks for the recipe's stage `contamination`; where it has none, one is added as its last.

    Raises: RecipeError that lists every problem with `file:line`; PrerequisiteError if a plugin does not load.
    """
    document = _Document(find_recipe(recipe) if recipe else None, overrides or {})
    if against:
        document.add_benchmarks(against)
    reader = _Reader(document)
    return _whole(reader.curation_plan(), reader, mend=f"eagdata curate DATA --recipe {recipe} --out DIR")


def _whole(plan: P | None, reader: _Reader, *, mend: str) -> P:
    """The plan, or every problem that kept it from being one."""
    path = reader.document.path
    if reader.problems:
        noun = "problem" if len(reader.problems) == 1 else "problems"
        raise RecipeError(
            f"{path} has {len(reader.problems)} {noun}", why="\n".join(reader.problems), mend=f"mend the lines above; try: {mend}"
        )
    if plan is None:
        raise RecipeError(f"{path} gives no plan", why="it holds no settings", mend="see: eagdata recipes")
    return plan


def find_recipe(recipe: str) -> Path:
    """The file of a recipe: a path, or the name of a shipped one. Raises: RecipeError."""
    shipped = shipped_recipes()
    if recipe in shipped:
        return shipped[recipe]
    path = Path(recipe)
    if path.is_file():
        return path
    close = difflib.get_close_matches(recipe, shipped, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise RecipeError(
        f"no recipe {recipe!r}",
        why=f"it is neither a file nor one of the shipped recipes: {', '.join(shipped) or 'none found'}",
        mend=f"{hint}list them: eagdata recipes",
    )


class _Document:
    """A YAML file (None: the default stages of curation) with the line of each key, and the command line's overrides laid over it."""

    def __init__(self, path: Path | None, overrides: Mapping[str, Json]) -> None:
        self.path = path or Path("the default curation")
        self.lines: dict[Path_, int] = {}
        self.origins: dict[Path_, str] = {}
        self.problems: list[str] = []
        self.data: dict[str, Json] = self._read() if path else {"name": "curated", CURATION: [{"kind": "exact"}, {"kind": "near"}]}
        for key, value in overrides.items():
            self._override(tuple(key.split(".")), value)

    def place(self, path: Path_) -> str:
        """`file:line` of a key or its nearest parent, or the option that set it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
            if path[:end] in self.lines:
                return f"{self.path}:{self.lines[path[:end]]}"
        return f"{self.path}:1"

    def _read(self) -> dict[str, Json]:
        try:
            text = self.path.read_text(encoding="utf-8")
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            data = yaml.safe_load(text)
        except OSError as error:
            raise RecipeError(f"cannot read {self.path}", why=str(error), mend="check the path and its permissions") from error
        except UnicodeDecodeError as error:
            raise RecipeError(f"{self.path} is not UTF-8", why=str(error), mend="save it as UTF-8") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            raise RecipeError(f"{self.path}{line} is not YAML", why=str(getattr(error, "problem", error)), mend="mend that line") from error
        if not isinstance(data, dict):
            raise RecipeError(f"{self.path} is no recipe", why="a recipe is a mapping of settings", mend="see: eagdata recipes")
        self._walk(root, ())
        return data

    def _walk(self, node: yaml.Node | None, path: Path_) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*path, str(key.value))
                if inner in self.lines:
                    self.problems.append(f"{self.path}:{key.start_mark.line + 1}: {'.'.join(map(str, inner))} is given twice")
                self.lines[inner] = key.start_mark.line + 1
                self._walk(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.lines[(*path, index)] = value.start_mark.line + 1
                self._walk(value, (*path, index))

    def _override(self, path: tuple[str, ...], value: Json) -> None:
        if path[0] == CURATION and len(path) > 1:
            self._override_stage(path, value)
            return
        at: dict[str, Json] = self.data
        for end, key in enumerate(path[:-1], 1):
            inner = at.get(key)
            if isinstance(inner, str) and _is_plugin(path[:end]):
                inner = {"kind": inner}
            at[key] = inner = dict(inner) if isinstance(inner, dict) else {}
            at = inner
        if _is_plugin(path[:-1]) and path[-1] == "kind" and at.get("kind") != value:
            at.clear()  # another plugin: the settings of the former one are not its own
        at[path[-1]] = value
        self.origins[path] = f"--set {'.'.join(path)}={value}"

    def add_benchmarks(self, against: Sequence[str]) -> None:
        """To the stage `contamination`, or to a new one after all others."""
        stages = self.data.get(CURATION) or []
        stages = [{"kind": stage} if isinstance(stage, str) else stage for stage in stages] if isinstance(stages, list) else []
        found = next((stage for stage in stages if isinstance(stage, dict) and stage.get("kind") == "contamination"), None)
        if found is None:
            found = {"kind": "contamination"}
            stages.append(found)
        named = found.get("against")
        found["against"] = [*(named if isinstance(named, list) else []), *against]
        self.data[CURATION] = stages

    def _override_stage(self, path: tuple[str, ...], value: Json) -> None:
        said = f"--set {'.'.join(path)}={value}"
        stages = dict(enumerate(cast("list[dict[str, Json]]", self.data.get(CURATION) or [])))
        number = int(path[1]) if path[1].isdigit() else None
        if number not in stages or len(path) != 3:
            self.problems.append(f"{said}: must be {CURATION}.NUMBER.KEY, with the number of a stage, from 0 to {len(stages) - 1}")
            return
        stages[number][path[2]] = value
        self.origins[(CURATION, number, path[2])] = said


class _Reader:
    """Checks a document section by section and collects what is wrong."""

    SCALARS: ClassVar[Mapping[str, tuple[type, Json]]] = {"name": (str, None), "n": (int, 100), "seed": (int, 0), "concurrency": (int, 16)}

    def __init__(self, document: _Document) -> None:
        self.document = document
        self.problems = list(document.problems)

    def plan(self) -> Plan | None:
        """The plan, or None when something is wrong; `problems` then says what."""
        data = self.document.data
        self._refuse_unknown_keys()
        scalars = {key: self._scalar(key, kind, default) for key, (kind, default) in self.SCALARS.items()}
        sections = {key: self._settings((key,), cls, data.get(key) or {}) for key, cls in SECTIONS.items()}
        plugins, configs = self._plugins()
        stages, exports = self._stages(), self._exports(sections["rows"])
        self._bounds(scalars, sections["limits"])
        if self.problems:
            return None
        name = scalars["name"] or self.document.path.stem
        resolved: dict[str, Json] = {**scalars, "name": name}
        for key, value in sections.items():
            resolved[key] = to_json(value)
        for key, config in configs.items():
            resolved[key] = {"kind": plugins[key], **to_json(config)}
        curation = self._curation(str(name), cast("int", scalars["seed"]), stages) if stages else None
        if curation:
            resolved[CURATION] = curation.resolved[CURATION]
        if exports:
            resolved[EXPORTS] = dict(zip(exports, _listed(tuple(exports.values())), strict=True))
        values = cast("dict[str, object]", {**scalars, "name": name, **sections, EXPORTS: exports})
        return Plan(curation=curation, plugins=plugins, configs=configs, resolved=resolved, source=str(self.document.path), **values)  # type: ignore[arg-type]

    def curation_plan(self) -> CurationPlan | None:
        """The stages alone, or None when something is wrong; other sections of the file are left to `plan`."""
        self._refuse_unknown_keys()
        name, seed = self._scalar("name", str, None), self._scalar("seed", int, 0)
        stages = self._stages()
        if not stages:
            self._problem((CURATION,), f"no stages; e.g. {CURATION}: [{{kind: exact}}, {{kind: near, threshold: 0.8}}]")
        if self.problems:
            return None
        return self._curation(str(name or self.document.path.stem), cast("int", seed), stages)

    def _curation(self, name: str, seed: int, stages: tuple[tuple[str, object], ...]) -> CurationPlan:
        resolved: dict[str, Json] = {"name": name, "seed": seed, CURATION: _listed(stages)}
        return CurationPlan(name=name, seed=seed, stages=stages, resolved=resolved, source=str(self.document.path))

    def _refuse_unknown_keys(self) -> None:
        known = [*self.SCALARS, *SECTIONS, *PLUGIN_SECTIONS, CURATION, EXPORTS, "description"]
        for key in self.document.data:
            if key not in known:
                self._problem((key,), f"unknown key {key!r}{_nearest(key, known)}")

    def _stages(self) -> tuple[tuple[str, object], ...]:
        """Kind and settings of each stage of curation, in their order."""
        given = self.document.data.get(CURATION) or []
        if not isinstance(given, list):
            self._problem((CURATION,), f"{CURATION} is {given!r}, must be a list of stages")
            return ()
        found = [self._plugin((CURATION, place), CURATION, stage) for place, stage in enumerate(given)]
        return tuple(stage for stage in found if stage)

    def _exports(self, rows: object) -> dict[str, tuple[str, object]]:
        """Kind and settings of each further set, sorted by its name."""
        given, found = self.document.data.get(EXPORTS) or {}, dict[str, tuple[str, object]]()
        if not isinstance(given, dict):
            self._problem((EXPORTS,), f"{EXPORTS} is {given!r}, must be a mapping, e.g. {{preferences: {{kind: preference}}}}")
            return found
        for name, wanted in sorted({str(key): value for key, value in given.items()}.items()):
            if not _SET_NAME.fullmatch(name) or name in _OWN_SETS:
                self._problem((EXPORTS, name), f"{name!r} names no set: a-z, 0-9 and _ do, but not {', '.join(_OWN_SETS)}")
            if made := self._plugin((EXPORTS, name), "exporters", wanted):
                found[name] = made
                self._fits((EXPORTS, name), *made, has_trees=not isinstance(rows, Rows) or rows.traces)
        return found

    def _fits(self, at: Path_, kind: str, config: object, *, has_trees: bool) -> None:
        """Whether a run can write what the exporter makes; else only its end would show."""
        cls: Any = plugin_class("exporters", kind)  # an Exporter, which says nothing of how it is built
        if cls.documents:
            self._problem(at, f"{_dotted(at)}: {kind} makes a file a row, and sets are tables; try: eagdata export {kind} RUN --out FOLDER")
        if cls.reads == "traces" and not has_trees:
            self._problem(at, f"{_dotted(at)}: {kind} is made of whole trees, and rows.traces is off; give rows.traces: true")
        try:
            if config:  # else it is known to be wrong
                cls(config)
        except EagdataError as error:
            self._problem(at, f"{_dotted(at)}: {error.what} ({error.why}); {error.mend}")

    def _plugin(self, at: Path_, kind: str, given: Json) -> tuple[str, object] | None:
        """Name and settings of a plugin that is asked for by its name, or by a mapping with `kind`."""
        if isinstance(given, str):
            given = {"kind": given}
        if not isinstance(given, dict) or not isinstance(given.get("kind"), str):
            self._problem(at, f"{_dotted(at)} needs a mapping with a `kind`, e.g. {{kind: {_example(kind)}}}")
            return None
        rest: dict[str, Json] = {key: value for key, value in given.items() if key != "kind"}
        name = str(given["kind"])
        try:
            cls = plugin_class(kind, name)
        except RecipeError as error:
            self._problem((*at, "kind"), f"{error.what} ({error.why}); {error.mend}")
            return None
        return name, self._settings(at, cls.Config, rest)  # type: ignore[attr-defined]

    def _bounds(self, scalars: Mapping[str, Json], limits: object) -> None:
        for key, least in (("n", 1), ("concurrency", 1)):
            value = scalars[key]
            if isinstance(value, int) and value < least:
                self._problem((key,), f"{key} is {value}, must be at least {least}")
        if isinstance(limits, Limits) and self.document.data.get("correction") and not 0 < limits.correction < limits.nodes:
            said = f"limits.correction is {limits.correction}, must be above 0 and below limits.nodes, {limits.nodes}"
            self._problem(("limits", "correction"), said)

    def _plugins(self) -> tuple[dict[str, str], dict[str, object]]:
        plugins: dict[str, str] = {}
        configs: dict[str, object] = {}
        for section, kind in PLUGIN_SECTIONS.items():
            given = self.document.data.get(section)
            if given is None and section in OPTIONAL_SECTIONS:
                continue
            if found := self._plugin((section,), kind, given):
                plugins[section], configs[section] = found
        return plugins, configs

    def _scalar(self, key: str, kind: type, default: Json) -> Json:
        value = self.document.data.get(key, default)
        if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
            self._problem((key,), f"{key} is {value!r}, must be {'a whole number' if kind is int else 'a text'}")
            return default
        return value

    def _settings(self, at: Path_, cls: type, given: Json) -> object:
        from pydantic import ValidationError

        if not isinstance(given, dict):
            self._problem(at, f"{_dotted(at)} is {given!r}, must be a mapping")
            return None
        try:
            return from_json(cls, given)
        except ValidationError as error:
            for detail in error.errors():
                path = (*at, *detail["loc"])
                dotted = _dotted(path)
                if detail["type"] == "unexpected_keyword_argument":
                    key = str(detail["loc"][-1])
                    self._problem(path, f"unknown key {dotted!r}{_nearest(key, [f.name for f in fields(cls)])}")
                elif detail["type"] == "missing":
                    self._problem(at, f"{dotted} is missing")
                else:
                    said = detail["msg"].removeprefix("Value error, ")
                    shown = "" if isinstance(detail["input"], dict) or len(path) == len(at) else f" is {detail['input']!r}"
                    self._problem(path, f"{dotted}{shown}: {said}")
            return None
        except EagdataError as error:
            self._problem(at, error.what + (f" ({error.why})" if error.why else ""))
            return None

    def _problem(self, path: Path_, text: str) -> None:
        self.problems.append(f"{self.document.place(path)}: {text}")


def _listed(stages: Sequence[tuple[str, object]]) -> list[Json]:
    return [{"kind": kind, **to_json(config)} for kind, config in stages]


def _dotted(path: Path_) -> str:
    return ".".join(map(str, path))


def _nearest(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known) or 'none'}"


def _is_plugin(path: Sequence[str]) -> bool:
    """Whether a recipe names a plugin there."""
    return (len(path) == 1 and path[0] in PLUGIN_SECTIONS) or (len(path) == 2 and path[0] == EXPORTS)


def _example(kind: str) -> str:
    from eagdata.registry import names

    return (names(kind) or ("...",))[0]
