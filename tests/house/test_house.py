"""The rules that the code base holds itself to."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import eagdata
from eagdata import errors, registry
from eagdata.cli import _Lazy
from eagdata.cli.schema import NAMES, schema_of
from eagdata.recipe import read_curation, read_plan, shipped_recipes

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "eagdata").rglob("*.py"))
MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 400, 40, 6
LONG_FUNCTIONS: dict[str, str] = {}
"""`module:function` -> the reason for which it may be longer."""


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    is_doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    doc = (first.end_lineno or 0) - first.lineno + 1 if is_doc else 0
    return (function.end_lineno or 0) - function.lineno + 1 - doc


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_keeps_to_its_size(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MOST_LINES
    for function in functions(ast.parse(text)):
        name = f"{path.relative_to(ROOT)}:{function.name}"
        assert length(function) <= MOST_FUNCTION_LINES or name in LONG_FUNCTIONS, name
        arguments = function.args
        count = len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs])
        first = (arguments.args or [None])[0]
        assert count - (first is not None and first.arg in ("self", "cls")) <= MOST_PARAMETERS, name


def test_the_loop_is_under_150_lines() -> None:
    assert (ROOT / "eagdata" / "rollout.py").read_text().count("\n") < 150


def test_the_public_face_is_what_can_be_imported() -> None:
    assert eagdata.__all__ == sorted(eagdata.__all__)
    assert len(eagdata.__all__) <= 25
    for name in eagdata.__all__:
        assert getattr(eagdata, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        _ = eagdata.nothing_of_ours


def test_every_error_is_drawn_in_the_docstring_of_errors() -> None:
    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.EagdataError):
            assert name in drawn


def test_nothing_prints_outside_the_command_line_and_the_boxes() -> None:
    for path in SOURCES:
        if not {"cli", "hosts"} & set(path.parts):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            assert not any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls), path


def test_every_command_and_plugin_is_documented() -> None:
    commands = (ROOT / "docs" / "commands.md").read_text()
    for name in _Lazy.COMMANDS:
        assert f"eagdata {name}" in commands
    for plugin in registry.plugins():
        assert (registry.plugin_class(plugin.kind, plugin.name).__doc__ or "").strip(), (
            f"{plugin.kind} {plugin.name} says nothing of itself"
        )


def test_generated_files_are_fresh() -> None:
    from tests.house import generated

    for path, text in generated.files().items():
        assert path.read_text() == text, f"{path} is stale; write it with: make docs"


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_recipe_plans(name: str) -> None:
    overrides = {"tasks.path": "x.jsonl"} if name == "gsm8k" else {}
    only_curates = not {"tasks", "teacher"} & yaml.safe_load((ROOT / "recipes" / f"{name}.yaml").read_text()).keys()
    assert (read_curation(name) if only_curates else read_plan(name, overrides=overrides)).name == name
    head = (ROOT / "recipes" / f"{name}.yaml").read_text().split("name:")[0]
    for word in ("Purpose:", "Cost:", "Time:"):
        assert word in head


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_json_schemas(name: str) -> None:
    schema = schema_of(name)
    assert schema["type"] == "object"
    json.dumps(schema)


def test_imports_go_down_only() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def seconds(*arguments: str) -> float:
    best = 9.0
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        best = min(best, time.perf_counter() - start)
    return best


def test_importing_costs_next_to_nothing() -> None:
    """0.15 s and 0.25 s on a warm machine where `python -c pass` takes about 0.03 s: held as ratios to it."""
    bare = seconds("-c", "pass")
    assert seconds("-c", "import eagdata") < 5 * bare
    assert seconds("-m", "eagdata.cli", "--help") < 9 * bare


def test_import_loads_no_heavy_package() -> None:
    heavy = ("numpy", "pyarrow", "pydantic", "openai", "matplotlib", "datasets", "sympy", "rich")
    code = f"import sys, eagdata, eagdata.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_decisions_say_what_they_chose() -> None:
    for path in (ROOT / "docs" / "decisions").glob("*.md"):
        text = path.read_text()
        assert re.match(r"\d{4}-", path.name)
        assert "**Context.**" in text, path
        assert "**Choice.**" in text, path
