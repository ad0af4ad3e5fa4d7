"""What the environments share in which programs of the machine are started: a box for commands, whose walls are tested when it opens."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from eagdata.environments.box import BoxEnvironment, BoxSettings
from eagdata.environments.episode import Limits
from eagdata.environments.sandbox.commands_probe import missing_walls
from eagdata.environments.sandbox.locations import search_path
from eagdata.environments.sandbox.supervisor import COMMANDS, BoxFailure
from eagdata.errors import PrerequisiteError
from eagdata.records import Json

TIER = "namespaces"
"""The one tier for commands: elsewhere nothing would end what they leave running."""


class CommandsEnvironment(BoxEnvironment):
    """An environment whose actions start other programs. It opens in the `namespaces` tier alone."""

    async def __aenter__(self) -> Self:
        """Raises: PrerequisiteError where the tier, or a wall of the box for commands, does not stand."""
        if self.config.isolation not in ("auto", TIER):
            raise self._refusal(f"isolation is set to {self.config.isolation!r}")
        try:
            await super().__aenter__()
        except PrerequisiteError as error:
            raise self._refusal(error.why) from error
        try:
            missing = [] if self.isolation == TIER else [f"only {self.isolation!r} works here"]
            missing = missing or await missing_walls(await self._box(COMMANDS, ()))
        except BoxFailure as error:
            missing = [str(error)]
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        if missing:
            await self.__aexit__(None, None, None)
            raise self._refusal("; ".join(missing))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        await super().__aexit__(kind, error, tb)
        self._zygotes.clear()

    def host_settings(self, limits: Limits) -> dict[str, Json]:
        """What the host `commands` is started with."""
        config: BoxSettings = self.config
        return {
            "memory_mb": limits.memory_mb,
            "disk_mb": config.disk_mb,
            "processes": config.processes,
            "path": search_path(),
            "value_chars": limits.output_chars,
        }

    def _refusal(self, why: str) -> PrerequisiteError:
        return PrerequisiteError(
            f"environment {self.name!r} needs isolation {TIER!r}, for it starts other programs",
            why=why,
            mend="allow user namespaces (sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000 and, on Ubuntu, "
            "kernel.apparmor_restrict_unprivileged_userns=0; in Docker: --security-opt seccomp=unconfined), then: eagdata doctor",
        )
