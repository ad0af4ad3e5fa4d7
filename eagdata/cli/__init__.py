"""The command line: thin commands over the library, one output sink, one table of exit codes."""

from __future__ import annotations

import sys
from typing import ClassVar

import click

from eagdata import __version__

EXIT_CODES = """\b
Exit codes:
  0  done                                   4   teacher, environment or Hub gave up; resumable
  1  done, but a threshold was not met      5   run folder unusable
  2  command line or recipe is wrong        70  a bug in eagdata
  3  something is missing on this machine   130 interrupted, resumable"""


class _Lazy(click.Group):
    """Commands by name; a command's module is imported when it is called, so that `--help` stays fast."""

    COMMANDS: ClassVar = {
        "generate": "Tasks in, a verified dataset out.",
        "synthesize": "Seed tasks in, new tasks out, each proven by a program.",
        "verify": "Re-execute the rows of a dataset, from the Parquet alone.",
        "import": "Foreign traces become a run folder; rows that cannot be held are named.",
        "curate": "Drop duplicates, benchmark leaks and weak rows, with a reason for each.",
        "analyze": "Token lengths and outcomes of one or several data sets: numbers, a figure, a report.",
        "export": "Write a dataset in the shape that a trainer or a viewer reads.",
        "publish": "Send a finished dataset to the Hub, searched for secrets first.",
        "show": "One trace as a tree, in the terminal.",
        "doctor": "What stands on this machine: the walls of the sandbox, packages, endpoint.",
        "recipes": "The recipes that are shipped.",
        "init": "Copy a shipped recipe, to be changed.",
        "plugins": "Everything that is installed, by kind.",
        "schema": "The JSON Schema of a recipe, a row or a record.",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.COMMANDS:
            return None
        from importlib import import_module
        from keyword import iskeyword

        command: click.Command = import_module(f"eagdata.cli.{name}{'_' if iskeyword(name) else ''}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], self.COMMANDS, n=1)
            ctx.fail(f"no command {args[0]!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.COMMANDS.items()))


@click.group(cls=_Lazy, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="eagdata")
def _group() -> None:
    """Turns tasks into verified trajectories: a teacher proposes, a real environment answers, verifiers judge.

    \b
    eagdata generate --n 200        a verified dataset: no key, no network, no Docker
    eagdata verify runs/quickstart/data/trajectories
    """


def main() -> None:
    """Entry point of `eagdata`. Click's own errors exit 2; a bug shows its traceback and exits 70."""
    try:
        _group()
    except Exception:  # the last resort: whatever reaches it is a bug of ours
        import traceback

        traceback.print_exc()
        click.echo("This is a bug in eagdata: please report it with the lines above.", err=True)
        sys.exit(70)
