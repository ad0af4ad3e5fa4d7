"""A dataset repository of the Hub: what it holds, and the one commit after which it holds what it should.

The one place that uploads. Protocol: https://huggingface.co/docs/huggingface_hub/package_reference/hf_api, by its own client.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eagdata.errors import EagdataError, PrerequisiteError, PublishError, RecipeError
from eagdata.events import Emit, Notice, ignore
from eagdata.publish.manifest import MANIFEST

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile

PIECE_BYTES = 256 * 2**20
"""So much is sent, and kept by the server, before the next piece begins: about a shard. A killed upload loses at most one piece."""
_OURS = ("data/", "report/")
"""Folders that hold what we published and nothing else: a file of an earlier version that is no longer in the dataset is deleted."""
_BLANK = frozenset({".gitattributes", ".gitignore", "README.md", "LICENSE", "LICENSE.md"})
"""What a repository may hold that was only made, and not filled."""
_TOKENS = "https://huggingface.co/settings/tokens"
_AGAIN = "the same command again: what the server has is not sent again"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file for the repository."""

    path: str
    source: Path | bytes
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What an upload came to."""

    url: str
    commit: str
    """The commit that holds the files: new, or the one that was there."""
    private: bool
    created: bool
    """The repository is new."""
    changed: tuple[str, ...]
    """Files that the commit wrote; with no `deleted` either there is no new commit."""
    deleted: tuple[str, ...]


def check_repo_id(repo_id: str) -> None:
    """Raises: RecipeError for anything but `owner/name` in the characters that the Hub allows."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, and not in its `__all__`

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise RecipeError(f"{repo_id!r} is no id of a repository", why=str(error), mend="give OWNER/NAME") from error
    if "/" not in repo_id:
        raise RecipeError(f"{repo_id!r} does not say whose repository it is", mend=f"give OWNER/{repo_id}")


def page(repo_id: str) -> str:
    """URL of the repository's page, at the endpoint of `HF_ENDPOINT`."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/datasets/{repo_id}"


def push(repo_id: str, files: Sequence[HubFile], *, public: bool, message: str, emit: Emit = ignore) -> Pushed:
    """Make the repository hold these files, in one commit or, where it does already, in none.

    It is made if need be, private unless `public`. Files are sent in pieces and then committed at once; what the server has, also from
    an upload that was killed, is not sent again.

    Raises: RecipeError for a repository that is public though `public` was not asked for, or that holds what we did not publish;
    PrerequisiteError without a token, or with one that may not do this; PublishError if the Hub is not reached or refuses.
    """
    from huggingface_hub import CommitOperationDelete, HfApi, get_token
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    token = get_token()
    if token is None:
        why = "publishing needs a token with write access; HF_TOKEN is unset, and none is in the cache of the Hub's client"
        raise PrerequisiteError("there is no token for the Hub", why=why, mend=f"make one at {_TOKENS}, then: export HF_TOKEN=...")
    disable_progress_bars()
    api = HfApi(token=token)
    with _explained(repo_id):
        found = _opened(api, repo_id, public=public)
        there = _listing(api, repo_id, found.head)
        _check_ours(repo_id, there)
        changed = [file for file in files if not _is_same(file, there.get(file.path))]
        named = {file.path for file in files}
        stale = sorted(path for path in there if path.startswith(_OURS) and path not in named)
        commit = found.head
        if changed or stale:
            operations: list[CommitOperationAdd | CommitOperationDelete] = [*_send(api, repo_id, changed, emit)]
            operations += [CommitOperationDelete(path_in_repo=path, is_folder=False) for path in stale]
            commit = api.create_commit(repo_id, operations, commit_message=message, repo_type="dataset", parent_commit=found.head).oid
    return Pushed(
        url=page(repo_id),
        commit=str(commit),
        private=found.private,
        created=found.created,
        changed=tuple(file.path for file in changed),
        deleted=tuple(stale),
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    head: str | None
    private: bool
    created: bool


def _opened(api: HfApi, repo_id: str, *, public: bool) -> _Opened:
    """The repository as it is, or made."""
    from huggingface_hub.errors import RepositoryNotFoundError

    created = False
    try:
        info = api.dataset_info(repo_id)
    except RepositoryNotFoundError:
        api.create_repo(repo_id, repo_type="dataset", private=not public, exist_ok=True)
        created = True
        info = api.dataset_info(repo_id)
    if not info.private and not public:
        why = "what is published there, anyone can read, and you did not say --public"
        raise RecipeError(f"the repository {repo_id!r} is public", why=why, mend="add --public, or give the name of another repository")
    return _Opened(info.sha, bool(info.private), created)


def _listing(api: HfApi, repo_id: str, head: str | None) -> dict[str, RepoFile]:
    from huggingface_hub import RepoFile

    entries = api.list_repo_tree(repo_id, recursive=True, revision=head, repo_type="dataset")
    return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}


def _check_ours(repo_id: str, there: dict[str, RepoFile]) -> None:
    others = sorted(there.keys() - _BLANK)
    if others and MANIFEST not in there:
        why = f"it has no {MANIFEST}, but {len(others)} other files, such as {others[0]!r}"
        raise RecipeError(f"the repository {repo_id!r} holds what eagdata did not publish", why=why, mend="give the name of another")


def _is_same(file: HubFile, there: RepoFile | None) -> bool:
    """The server has the very bytes under this path: large files go by their SHA-256, others by git's name of a blob."""
    if there is None or there.size != file.bytes:
        return False
    return there.lfs.sha256 == file.sha256 if there.lfs else there.blob_id == _blob_id(file)


def _blob_id(file: HubFile) -> str:
    """Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    content = file.source if isinstance(file.source, bytes) else file.source.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _send(api: HfApi, repo_id: str, files: Sequence[HubFile], emit: Emit) -> list[CommitOperationAdd]:
    """Send the large ones, piece by piece; small ones travel with the commit."""
    from huggingface_hub import CommitOperationAdd

    additions, sent, total = [], 0, sum(file.bytes for file in files)
    for piece in _pieces(files):
        operations = [CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=file.source) for file in piece]
        api.preupload_lfs_files(repo_id, operations, repo_type="dataset", free_memory=False)
        additions += operations
        sent += sum(file.bytes for file in piece)
        emit(Notice(f"sent {len(additions)} of {len(files)} files, {sent / 1e6:,.1f} of {total / 1e6:,.1f} MB"))
    return additions


def _pieces(files: Sequence[HubFile]) -> Iterator[list[HubFile]]:
    piece: list[HubFile] = []
    for file in files:
        piece.append(file)
        if sum(one.bytes for one in piece) >= PIECE_BYTES:
            yield piece
            piece = []
    if piece:
        yield piece


@contextmanager
def _explained(repo_id: str) -> Iterator[None]:
    """What the client, its transports and the Hub raise, as errors of ours; a bug passes."""
    try:
        yield
    except EagdataError:
        raise
    except Exception as error:  # of a dozen classes of several packages, which are known by what they bear
        if ours := _ours(error, repo_id):
            raise ours from error
        raise


def _ours(error: Exception, repo_id: str) -> EagdataError | None:
    what, owner = f"cannot publish to {repo_id!r}", repo_id.partition("/")[0]
    causes = tuple(_causes(error))
    why = "\n".join(dict.fromkeys(" ".join(f"{type(one).__name__}: {one}".split()) for one in (error, causes[-1])))
    status = next((code for one in causes if (code := _status(one))), None)
    if "OfflineModeIsEnabled" in {type(one).__name__ for one in causes}:
        return PrerequisiteError(what, why="HF_HUB_OFFLINE forbids the client to use the network", mend="unset HF_HUB_OFFLINE")
    if status == 401:
        return PrerequisiteError(what, why=why, mend=f"the token is not valid: make one at {_TOKENS}, then: export HF_TOKEN=...")
    if status in (402, 403, 404):
        mend = f"check the id; the token must be allowed to write to repositories of {owner!r}: {_TOKENS}"
        return PrerequisiteError(what, why=why, mend=mend)
    if status in (409, 412):
        return PublishError(what, why=f"the repository has changed in the meantime: {why}", mend=_AGAIN)
    if status == 400:
        return PublishError(what, why=why, mend="the Hub refuses the content: see what it says above", retryable=False)
    if status or any(isinstance(one, OSError) or _package(one) in ("httpx", "httpx2", "hf_xet", "huggingface_hub") for one in causes):
        return PublishError(what, why=why, mend=f"check the network and HF_ENDPOINT, then {_AGAIN}")
    return None


def _status(error: BaseException) -> int | None:
    response: Any = getattr(error, "response", None)  # of httpx, of whichever version the client brings
    code = getattr(response, "status_code", None)
    return code if isinstance(code, int) else None


def _package(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
