"""`eagdata generate`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import cast

import click

from eagdata.cli.output import Output
from eagdata.cli.running import guarded, interruptible
from eagdata.cli.sets import overrides_of
from eagdata.errors import EagdataError, RecipeError
from eagdata.records import Json


@click.command()
@click.argument("recipe", default="quickstart")
@click.option("--n", type=click.IntRange(min=1), help="How many tasks.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Run folder. [default: runs/NAME]")
@click.option("--seed", type=int, help="Seed of everything that is drawn.")
@click.option("--teacher", help="Who proposes: openai_chat, procedural, replay, ...")
@click.option("--model", help="Model of the teacher.")
@click.option("--base-url", help="Endpoint of the teacher, e.g. http://localhost:8000/v1")
@click.option("--concurrency", type=click.IntRange(min=1), help="Tasks in work at once.")
@click.option(
    "--max-cost", type=click.FloatRange(min=0), metavar="USD", help="The teacher may cost so much and never more. Resuming counts."
)
@click.option("--max-tokens", type=click.IntRange(min=0), metavar="T", help="The same for tokens, prompt and completion.")
@click.option("--set", "sets", multiple=True, metavar="KEY.PATH=VALUE", help="Override any setting of the recipe; repeatable.")
@click.option(
    "--executor", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Where the recipe's curation runs."
)
@click.option("--resume", is_flag=True, help="Go on with the run in the folder (the default where the plan is the same).")
@click.option("--fresh", is_flag=True, help="Delete the run in the folder first.")
@click.option("--dry-run", is_flag=True, help="Spend nothing, touch no network: say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.option("--quiet", is_flag=True, help="Errors alone.")
def command(recipe: str, **given: object) -> None:
    """Tasks in, a verified dataset out. RECIPE is a file or the name of a shipped recipe.

    \b
    eagdata generate --n 2000                          no key, no network
    eagdata generate gsm8k --model qwen2.5 --base-url http://localhost:8000/v1
    eagdata generate gsm8k --model gpt-4.1-mini --max-cost 5 --dry-run
    """
    output = Output(as_json=bool(given["as_json"]), quiet=bool(given["quiet"]))
    guarded(output, lambda: _generate(output, recipe, given))


def _generate(output: Output, recipe: str, given: dict[str, object]) -> int:
    from eagdata.executors import executor
    from eagdata.pipeline import dry_run, generate
    from eagdata.recipe import read_plan

    if given["resume"] and given["fresh"]:
        raise RecipeError(
            "--resume and --fresh exclude each other", why="one keeps what is in the folder, the other deletes it", mend="give one"
        )
    plan = read_plan(recipe, overrides=recipe_overrides(given))
    folder = cast("Path | None", given["out"]) or Path("runs") / plan.name
    if given["dry_run"]:
        foreseen = dry_run(plan, folder)
        output.result(foreseen)
        if not output.as_json:
            output.table(("", ""), [(key.replace("_", " "), shown(value)) for key, value in foreseen.items()])
            if foreseen["cost_usd_at_most"] is None:
                output.talk("nothing in a plan bounds the length of its prompts: --max-cost USD and --max-tokens T bound what it takes")
        return 0
    runs_on = executor(str(given["executor"])) if plan.curation else None
    try:
        summary = interruptible(
            output,
            lambda stopping: generate(plan, folder, fresh=bool(given["fresh"]), executor=runs_on, emit=output.event, stopping=stopping),
        )
    except EagdataError as error:
        if error.exit_code == 130:
            error.mend = f"resume with: {_command(recipe, given)}"
        raise
    output.result(summary.to_json())
    if not output.as_json:
        for line in summary.lines():
            output.talk(line)
    return summary.exit_code


def _command(recipe: str, given: dict[str, object]) -> str:
    """The command line once more, as it resumes."""
    words = ["eagdata", "generate", recipe]
    for option, value in given.items():
        if option == "sets":
            words += [word for item in cast("tuple[str, ...]", value) for word in ("--set", item)]
        elif option not in ("resume", "fresh") and value is not None and value is not False:
            words += [f"--{option.removeprefix('as_').replace('_', '-')}", *([] if value is True else [str(value)])]
    return shlex.join(words)


def recipe_overrides(given: dict[str, object]) -> dict[str, Json]:
    """Dotted keys of the recipe, from the options: `--set` last, since it is the most explicit."""
    paths = {
        "n": "n",
        "seed": "seed",
        "teacher": "teacher.kind",
        "model": "teacher.model",
        "base_url": "teacher.base_url",
        "concurrency": "concurrency",
        "max_cost": "budget.cost_usd",
        "max_tokens": "budget.tokens",
    }
    found = {path: cast("Json", given[option]) for option, path in paths.items() if given[option] is not None}
    return found | overrides_of(cast("tuple[str, ...]", given["sets"]))


def shown(value: Json) -> str:
    """A value of the dry run, for people."""
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {shown(inner)}" for key, inner in value.items() if inner is not None)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "?" if value is None else f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
