"""Tasks from a dataset on the Hugging Face Hub, or from a local folder that `datasets` can load. No code of the dataset is ever run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from eagdata.contracts import settings
from eagdata.errors import BoundaryError, EagdataError, PrerequisiteError, RecipeError
from eagdata.records import Json, Task
from eagdata.tasks.mapping import uses
from eagdata.tasks.rows import Row, RowSettings, tasks_of

_COMMIT = 40
"""Hex digits of a commit."""
_UNREACHED = frozenset({"TransportError", "ClientError", "LocalEntryNotFoundError"})
"""Classes of httpx, aiohttp and huggingface_hub, with those derived from them, that say that there was no answer."""


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
        with _explained(config):
            dataset, commit = _loaded(config)
            source = name if local else f"{config.path}@{commit}"
            for number, columns in enumerate(dataset, start=1):
                yield Row(f"{source}, {config.split} row {number}", f"{name}-{split}-{number:05d}", source, partial(dict, columns))


def _loaded(config: HubTasks.Config) -> tuple[Iterable[Mapping[str, Any]], str]:  # Any: a cell holds whatever the dataset does
    """Rows of the split with the columns that are used, and the commit (of a folder: a fingerprint) that they belong to."""
    import datasets

    datasets.disable_progress_bars()
    data_files: Any = config.data_files  # Json, which `datasets` checks itself
    builder = datasets.load_dataset_builder(config.path, config.name, data_files=data_files, revision=config.revision)
    commit = str(builder.hash)
    if config.revision and len(config.revision) == _COMMIT and config.revision != commit:
        raise ConnectionError(f"the cache holds commit {commit}, not {config.revision}")  # offline, `datasets` takes what there is
    if config.streaming:
        dataset = builder.as_streaming_dataset(split=config.split)
    else:
        builder.download_and_prepare()
        dataset = builder.as_dataset(split=config.split)
    used = [name for name in dataset.column_names or () if uses(dict(config.fields), name)]
    return dataset.select_columns(used) if used else dataset, commit


@contextmanager
def _explained(config: HubTasks.Config) -> Iterator[None]:
    """What `datasets` and its transports raise, as errors of ours; anything else passes."""
    try:
        yield
    except ImportError as error:
        raise PrerequisiteError("tasks of kind 'hub' need the package datasets", why=str(error), mend="pip install datasets") from error
    except Exception as error:  # of a dozen classes of several packages, which are known by their names
        if ours := _ours(error, config):
            raise ours from error
        raise


def _ours(error: Exception, config: HubTasks.Config) -> EagdataError | None:
    causes = tuple(_causes(error))
    what = f"cannot load the dataset {config.path!r}"
    why = "\n".join(dict.fromkeys(f"{type(one).__name__}: {one}" for one in (error, causes[-1])))
    if any(isinstance(one, ConnectionError | TimeoutError) or _UNREACHED & _names(one) for one in causes):
        fetch = f"hf download --repo-type dataset {config.path} --local-dir DIR"
        mend = f"check the network and HF_ENDPOINT; or, where there is a network: {fetch}; then: --set tasks.path=DIR"
        return BoundaryError(what, why=why, mend=mend)
    if "DatasetNotFoundError" in _names(error) and "gated" in str(error):
        page = f"https://huggingface.co/datasets/{config.path}"
        return PrerequisiteError(what, why=why, mend=f"ask for access at {page}, then: export HF_TOKEN=...")
    if isinstance(error, ValueError | FileNotFoundError) or "DatasetsError" in _names(error) or "scripts are no longer" in str(error):
        mend = "check tasks.path, tasks.name, tasks.split, tasks.revision and tasks.data_files; a private dataset needs HF_TOKEN"
        return RecipeError(what, why=why, mend=mend)
    return BoundaryError(what, why=why, mend="try again later") if isinstance(error, OSError) else None


def _names(error: BaseException) -> set[str]:
    return {cls.__name__ for cls in type(error).__mro__}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
