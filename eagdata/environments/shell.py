"""The `shell` environment: a workspace with files, in which bash scripts run one after the other.

async with ShellEnvironment(ShellEnvironment.Config()) as environment:
    episode = await environment.reset(task)
    observation = await episode.step(Action(kind="bash", text="ls"))
    other = await episode.fork()
"""

from __future__ import annotations

import platform

from eagdata.contracts import settings
from eagdata.environments.box import LIMIT_KEYS, BoxSettings, Tier, check_keys, read_files, read_limits, read_text
from eagdata.environments.commands import CommandsEnvironment
from eagdata.environments.episode import Start
from eagdata.environments.sandbox.supervisor import COMMANDS
from eagdata.records import Task


class ShellEnvironment(CommandsEnvironment):
    """Where bash scripts run: each branch its own files, nothing left running between actions."""

    name = "shell"
    language = "bash"

    @settings
    class Config(BoxSettings):
        """Limits; isolation is `namespaces`."""

        min_isolation: Tier = "namespaces"
        """No weaker one can hold commands."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.version = f"bash on {platform.system()} {platform.machine()}"

    def instructions(self) -> str:
        """What the teacher is told about acting here."""
        return (
            "Each action is a bash script that runs in a Linux workspace, /box. Files, the working folder and exported variables persist "
            "from one action to the next; other variables, functions and options do not, and no process does: what is still running when "
            "the script ends is ended. Both outputs are shown, and the exit status where it is not 0. There is no input to read, no "
            "network and no other user; only /box and /tmp can be written. "
            f"An action may take {self.config.timeout_s:g} seconds and {self.config.memory_mb} MB of memory; one that is stopped for "
            "that has no effect: the state is as it was before it. Do not print what differs from run to run, such as dates."
        )

    def start(self, task: Task) -> Start:
        """The task's files and set-up script. Raises: RecipeError."""
        check_keys(task, ("files", "setup", *LIMIT_KEYS))
        limits = read_limits(task, self.config)
        return Start(
            task_id=task.id,
            seed=task.seed,
            files=read_files(task),
            setup=read_text(task, "setup"),
            limits=limits,
            host=COMMANDS,
            settings=self.host_settings(limits),
        )
