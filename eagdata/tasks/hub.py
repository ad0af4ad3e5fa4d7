"""Tasks from a dataset on the Hugging Face Hub, or from a local folder that `datasets` can load. No code of the dataset is ever run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from eagdata.contracts import settings
from eagdata.hub import HubDataset, explained, load
from eagdata.records import Json, Task
from eagdata.tasks.mapping import uses
from eagdata.tasks.rows import Row, RowSettings, tasks_of


class HubTasks:
    """Tasks from a dataset by its Hub id, at a recorded revision."""

    @settings
    class Config(RowSettings):
        path: str
        """Dataset id such as openai/gsm8k, or a folder of Parquet, JSON lines, CSV or Arrow files."""
        name: str | None = None
        """Configuration of the dataset, such as main."""
        revision: str | None = None
        """Branch, tag or commit; none: the newest. The commit that it stood for goes into the rows."""
        streaming: bool = False
        """Read rows as they come, without downloading the whole split first."""
        data_files: Json = None
        """Files of the dataset to load instead of those it names: a pattern, a list, or split -> pattern."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def tasks(self, n: int | None, *, seed: int) -> Iterator[Task]:
        """Tasks as `tasks.fields` says.

        Raises: RecipeError for an unknown dataset, configuration, split or revision; PrerequisiteError for a dataset that asks for a key;
        BoundaryError if the Hub cannot be reached and the cache does not hold the dataset.
        """
        rows = self._rows()
        return tasks_of(rows, self._config, n=n, seed=seed, origin=self._config.path)

    def _rows(self) -> Iterator[Row]:
        config = self._config
        name, local = os.path.basename(os.path.normpath(config.path)), os.path.isdir(config.path)
        split = config.split.partition("[")[0]
        wanted = HubDataset(path=config.path, name=config.name, revision=config.revision, split=config.split, data_files=config.data_files)
        check = "tasks.path, tasks.name, tasks.split, tasks.revision and tasks.data_files"
        with explained(config.path, check=check, instead="--set tasks.path=DIR"):
            dataset, commit = load(wanted, streaming=config.streaming, uses=partial(uses, dict(config.fields)))
            source = name if local else f"{config.path}@{commit}"
            for number, columns in enumerate(dataset, start=1):
                yield Row(f"{source}, {config.split} row {number}", f"{name}-{split}-{number:05d}", source, partial(dict, columns))
