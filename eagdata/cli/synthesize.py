"""`eagdata synthesize`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import cast

import click

from eagdata.cli.generate import recipe_overrides, shown
from eagdata.cli.output import Output
from eagdata.cli.running import guarded, interruptible
from eagdata.errors import EagdataError, RecipeError


@click.command()
@click.argument("recipe")
@click.option("--n", type=click.IntRange(min=1), help="How many new tasks to ask for.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the new tasks. [default: runs/NAME-tasks]")
@click.option("--seed", type=int, help="Seed of everything that is drawn.")
@click.option("--shots", type=click.IntRange(min=1), default=3, show_default=True, help="Seed tasks shown at once; 1: that one is changed.")
@click.option("--seeds", type=click.IntRange(min=1), help="Tasks of the recipe that serve as seeds. [default: as many as new ones]")
@click.option(
    "--agreement", type=click.IntRange(min=0), default=4, show_default=True,
    help="Solutions in words until one agrees with the program, at most; 0: none are asked for.",
)  # fmt: skip
@click.option(
    "--similarity", type=click.FloatRange(min=0, max=1, min_open=True), default=0.7, show_default=True,
    help="ROUGE-L from which on a question is a copy.",
)  # fmt: skip
@click.option("--against", multiple=True, metavar="BENCHMARK", help="Drop what leaks it: a file, a folder or a Hub id; repeatable.")
@click.option("--teacher", help="Who writes: openai_chat, replay, ...")
@click.option("--model", help="Model of the teacher.")
@click.option("--base-url", help="Endpoint of the teacher, e.g. http://localhost:8000/v1")
@click.option("--concurrency", type=click.IntRange(min=1), help="Tasks in work at once.")
@click.option("--max-cost", type=click.FloatRange(min=0), metavar="USD", help="It may cost so much and never more. Resuming counts.")
@click.option("--max-tokens", type=click.IntRange(min=0), metavar="T", help="The same for tokens, prompt and completion.")
@click.option("--set", "sets", multiple=True, metavar="KEY.PATH=VALUE", help="Override any setting of the recipe; repeatable.")
@click.option("--resume", is_flag=True, help="Go on with what is in the folder (the default where the plan is the same).")
@click.option("--fresh", is_flag=True, help="Delete what is in the folder first.")
@click.option("--dry-run", is_flag=True, help="Spend nothing, touch no network: say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout at the end.")
@click.option("--quiet", is_flag=True, help="Errors alone.")
def command(recipe: str, **given: object) -> None:
    """Seed tasks in, new tasks out: a teacher writes each with a program that computes its answer.

    RECIPE names the seed tasks, the teacher and the sandbox. A new task stays if its program runs alike each time, the task gate passes,
    it is no copy, and the teacher comes to the same answer in words.

    \b
    eagdata synthesize gsm8k --n 200 --model qwen2.5 --base-url http://localhost:8000/v1
    eagdata synthesize gsm8k --n 200 --shots 1 --against gsm8k_test.jsonl --max-cost 5
    """
    output = Output(as_json=bool(given["as_json"]), quiet=bool(given["quiet"]))
    guarded(output, lambda: _synthesize(output, recipe, given))


def _synthesize(output: Output, recipe: str, given: dict[str, object]) -> int:
    from eagdata.pipeline.synthesis import Synthesis, foresee, synthesize
    from eagdata.recipe import read_plan

    if given["resume"] and given["fresh"]:
        raise RecipeError(
            "--resume and --fresh exclude each other", why="one keeps what is in the folder, the other deletes it", mend="give one"
        )
    plan = read_plan(recipe, overrides=recipe_overrides(given))
    asked = Synthesis(
        shots=cast("int", given["shots"]), agreement=cast("int", given["agreement"]), seeds=cast("int | None", given["seeds"]),
        similarity=cast("float", given["similarity"]), against=cast("tuple[str, ...]", given["against"]),
    )  # fmt: skip
    folder = cast("Path | None", given["out"]) or Path("runs") / f"{plan.name}-tasks"
    if given["dry_run"]:
        foreseen = foresee(plan, asked, folder)
        output.result(foreseen)
        if not output.as_json:
            output.table(("", ""), [(key.replace("_", " "), shown(value)) for key, value in foreseen.items()])
        return 0
    try:
        summary = interruptible(
            output, lambda stopping: synthesize(plan, asked, folder, fresh=bool(given["fresh"]), emit=output.event, stopping=stopping)
        )
    except EagdataError as error:
        if error.exit_code == 130:
            error.mend = "resume with: " + shlex.join(["eagdata", *(word for word in sys.argv[1:] if word != "--fresh")])
        raise
    output.result(summary.to_json())
    if not output.as_json:
        for line in summary.lines():
            output.talk(line)
        output.data(summary.recipe.rstrip())
    return summary.exit_code
