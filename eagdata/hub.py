"""Datasets of the Hugging Face Hub, or of a local folder that `datasets` can load. No code of a dataset is ever run.

The one place that imports `datasets`; what it and its transports raise is told here in words of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eagdata.errors import BoundaryError, EagdataError, PrerequisiteError, RecipeError
from eagdata.records import Json

_COMMIT = 40
"""Hex digits of a commit."""
_UNREACHED = frozenset({"TransportError", "ClientError", "LocalEntryNotFoundError"})
"""Classes of httpx, aiohttp and huggingface_hub, with those derived from them, that say that there was no answer."""
_ID = re.compile(
    r"(?P<path>[\w-][\w.-]*/[\w-][\w.-]*)(?:@(?P<revision>[^:\s]+))?(?:::(?:(?P<name>[^/\s]+)/)?(?P<split>[^/\s]+))?", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubDataset:
    """One split of a dataset."""

    path: str
    """Dataset id such as openai/gsm8k, or a folder."""
    name: str | None = None
    """Configuration, such as main."""
    revision: str | None = None
    """Branch, tag or commit; None: the newest."""
    split: str = "train"
    data_files: Json = None
    """Files to load instead of those that the dataset names."""


def parsed(text: str, *, split: str = "train") -> HubDataset | None:
    """`owner/name`, `owner/name@revision`, either with `::split` or `::configuration/split`; None for what is no id.

    `split`: the one that is meant where none is named.
    """
    found = _ID.fullmatch(text)
    if found is None:
        return None
    return HubDataset(path=found["path"], name=found["name"], revision=found["revision"], split=found["split"] or split)


def load(
    wanted: HubDataset, *, streaming: bool = False, uses: Callable[[str], bool] | None = None
) -> tuple[Any, str]:  # Any: a dataset of the package `datasets`, which has no types
    """The rows, with only the columns that it `uses`, and the commit (of a folder: a fingerprint) that they belong to.

    Call it, and read what is streamed, within `explained`. Raises: what `datasets` raises.
    """
    import datasets

    datasets.disable_progress_bars()
    data_files: Any = wanted.data_files  # Json, which `datasets` checks itself
    builder = datasets.load_dataset_builder(wanted.path, wanted.name, data_files=data_files, revision=wanted.revision)
    commit = str(builder.hash)
    if wanted.revision and len(wanted.revision) == _COMMIT and wanted.revision != commit:
        raise ConnectionError(f"the cache holds commit {commit}, not {wanted.revision}")  # offline, `datasets` takes what there is
    if streaming:
        dataset = builder.as_streaming_dataset(split=wanted.split)
    else:
        builder.download_and_prepare()
        dataset = builder.as_dataset(split=wanted.split)
    used = [name for name in dataset.column_names or () if uses and uses(name)]
    return dataset.select_columns(used) if used else dataset, commit


def benchmark_rows(path: str) -> tuple[str, Iterator[Mapping[str, Any]]]:  # Any: a cell holds whatever the dataset does
    """The commit and the rows of `OWNER/NAME[@REVISION]`, or of a folder that `datasets` can load: of its split `test`, else of all splits.

    Raises: as `explained` says; RecipeError also for a dataset of several configurations.
    """
    name, _, revision = path.partition("@")
    with explained(name, check="the id; of several configurations, download the one you mean", instead="--against DIR/FILE"):
        import datasets

        datasets.disable_progress_bars()
        builder = datasets.load_dataset_builder(name, revision=revision or None)
        builder.download_and_prepare()
        splits = builder.as_dataset()
        chosen = [splits["test"]] if "test" in splits else list(splits.values())
        return str(builder.hash), (row for split in chosen for row in split)


@contextmanager
def explained(path: str, *, check: str, instead: str) -> Iterator[None]:
    """What `datasets` and its transports raise, as errors of ours; anything else passes.

    `check`: what the user may have got wrong; `instead`: how to give the folder DIR in place of the dataset. Raises: RecipeError for
    what does not exist; PrerequisiteError for a missing key or package; BoundaryError if the Hub is not reached and the cache lacks it.
    """
    try:
        yield
    except ImportError as error:
        raise PrerequisiteError(f"the dataset {path!r} needs the package datasets", why=str(error), mend="pip install datasets") from error
    except Exception as error:  # of a dozen classes of several packages, which are known by their names
        if ours := _ours(error, path, check, instead):
            raise ours from error
        raise


def _ours(error: Exception, path: str, check: str, instead: str) -> EagdataError | None:
    causes = tuple(_causes(error))
    what = f"cannot load the dataset {path!r}"
    why = "\n".join(dict.fromkeys(f"{type(one).__name__}: {one}" for one in (error, causes[-1])))
    if any(isinstance(one, ConnectionError | TimeoutError) or _UNREACHED & _names(one) for one in causes):
        fetch = f"hf download --repo-type dataset {path} --local-dir DIR"
        mend = f"check the network and HF_ENDPOINT; or, where there is a network: {fetch}; then: {instead}"
        return BoundaryError(what, why=why, mend=mend)
    if "DatasetNotFoundError" in _names(error) and "gated" in str(error):
        page = f"https://huggingface.co/datasets/{path}"
        return PrerequisiteError(what, why=why, mend=f"ask for access at {page}, then: export HF_TOKEN=...")
    if isinstance(error, ValueError | FileNotFoundError) or "DatasetsError" in _names(error) or "scripts are no longer" in str(error):
        return RecipeError(what, why=why, mend=f"check {check}; a private dataset needs HF_TOKEN")
    return BoundaryError(what, why=why, mend="try again later") if isinstance(error, OSError) else None


def _names(error: BaseException) -> set[str]:
    return {cls.__name__ for cls in type(error).__mro__}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
