"""The Hub's protocol over HTTP: repositories, preupload, large files by git-lfs, commits, trees, files in ranges, and its refusals.

It keeps all in memory, and books of what was sent; `own/down` is always down. What a large file is, it decides as the Hub's
`.gitattributes` of a dataset does. No Xet: the client is told so by HF_HUB_DISABLE_XET=1.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import yaml

LARGE = (".parquet", ".png")
READ, WRITE = "hf_reader", "hf_writer"
"""Tokens: one that may read, one that may also write to repositories of `own`."""
BOOKKEEPING = {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"}


@dataclass
class Repository:
    """All of its commits, each the whole tree: path -> content."""

    private: bool
    commits: dict[str, dict[str, bytes]]
    large: set[str] = field(default_factory=set)
    """SHA-256 of what is kept as a large file."""

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    @property
    def files(self) -> dict[str, bytes]:
        """The tree of the newest commit."""
        return self.commits[self.head]


@dataclass
class Hub:
    """The server's state and its books."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    store: dict[str, bytes] = field(default_factory=dict)
    """Large files by their SHA-256, whether or not a commit names them."""
    sent: Counter[str] = field(default_factory=Counter)
    """SHA-256 -> how often it came in whole."""
    requests: list[str] = field(default_factory=list)
    url: str = ""
    hook: Callable[[str], None] = lambda _event: None
    """Called with `stored` (a large file) or `committed` when it is done and not yet acknowledged."""

    def add(self, name: str, *, private: bool, files: Mapping[str, bytes] | None = None) -> Repository:
        tree = {**BOOKKEEPING, **(files or {})}
        self.repositories[name] = Repository(private, {_commit_id(tree, None): tree})
        return self.repositories[name]


@contextmanager
def hub() -> Iterator[Hub]:
    """Serve on loopback."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = Hub(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    hub: Hub
    lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed leaves its connections: no news."""


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.hub = cast("_Server", self.server).hub
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        try:
            if "/own/down" in path:
                raise _Refused(503, "", "down for a while")
            for method, pattern, act in _ROUTES:
                if self.command in method and (found := re.fullmatch(pattern, path)):
                    return act(self, *found.groups())
            raise _Refused(404, "", f"no route {self.command} {path}")
        except _Refused as error:
            self._send(
                json.dumps({"error": str(error)}).encode(),
                status=error.status,
                headers={"X-Error-Code": error.code, "X-Error-Message": str(error)},
            )

    do_GET = do_HEAD = do_POST = do_PUT = _answer

    def _token(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        if token not in (None, READ, WRITE):
            raise _Refused(401, "", "Invalid credentials in Authorization header")
        return token

    def _repository(self, name: str, *, write: bool = False) -> Repository:
        token, found = self._token(), self.hub.repositories.get(name)
        if found is None or (found.private and token is None):
            raise _Refused(401 if token is None else 404, "RepoNotFound", "Repository not found")
        if write:
            self._may_write(name)
        return found

    def _may_write(self, name: str) -> None:
        if self._token() != WRITE or not name.startswith("own/"):
            raise _Refused(403, "", "You don't have the rights to write to this namespace")

    def _at(self, name: str, revision: str) -> tuple[str, dict[str, bytes]]:
        repository = self._repository(name)
        commit = repository.head if revision == "main" else revision
        if commit not in repository.commits:
            raise _Refused(404, "RevisionNotFound")
        return commit, repository.commits[commit]

    def create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked['organization'] or 'own'}/{asked['name']}"
        assert asked["type"] == "dataset"
        self._may_write(name)
        if name in self.hub.repositories:
            raise _Refused(409, "", "You already created this dataset repo")
        self.hub.add(name, private=asked.get("visibility") == "private" or asked.get("private", False))
        self._json({"url": f"{self.hub.url}/datasets/{name}", "name": name, "id": name})

    def info(self, name: str, revision: str | None) -> None:
        commit, files = self._at(name, revision or "main")
        siblings = [{"rfilename": path} for path in files]
        private = self.hub.repositories[name].private
        self._json({"id": name, "sha": commit, "private": private, "tags": [], "downloads": 0, "siblings": siblings})

    def tree(self, name: str, revision: str, folder: str | None) -> None:
        _, files = self._at(name, revision)
        prefix = f"{folder}/" if folder else ""
        parts = [path.removeprefix(prefix).split("/") for path in files if path.startswith(prefix)]
        deep = "recursive=true" in self.path.lower()
        inside = sorted({prefix + "/".join(part[:end]) for part in parts for end in range(1, len(part) + 1 if deep else 2)})
        if not inside:
            raise _Refused(404, "EntryNotFound")
        self._json([self._entry(name, files, path) for path in inside])

    def paths_info(self, name: str, revision: str) -> None:
        _, files = self._at(name, revision)
        wanted = json.loads(self.body)["paths"]
        self._json([self._entry(name, files, path) for path in wanted if any(f"{one}/".startswith(f"{path}/") for one in files)])

    def _entry(self, name: str, files: Mapping[str, bytes], path: str) -> dict[str, object]:
        if path not in files:
            return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}
        content, large = files[path], self.hub.repositories[name].large
        entry = {"type": "file", "oid": _blob_id(content), "size": len(content), "path": path}
        if (sha256 := hashlib.sha256(content).hexdigest()) in large:
            entry |= {
                "oid": _blob_id(_pointer(content)),
                "lfs": {"oid": sha256, "size": len(content), "pointerSize": len(_pointer(content))},
            }
        return entry

    def preupload(self, name: str, revision: str) -> None:
        self._repository(name, write=True)
        _, files = self._at(name, revision)
        found = []
        for file in json.loads(self.body)["files"]:
            mode = "lfs" if file["path"].endswith(LARGE) or file["size"] > 10_000_000 else "regular"
            known = files.get(file["path"])
            oid = None if known is None else hashlib.sha256(known).hexdigest() if mode == "lfs" else _blob_id(known)
            found.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._json({"files": found})

    def batch(self, name: str) -> None:
        self._repository(name, write=True)
        asked = json.loads(self.body)
        assert asked["operation"] == "upload"
        objects = []
        for one in asked["objects"]:
            new = one["oid"] not in self.hub.store
            objects.append({**one, **({"actions": {"upload": {"href": f"{self.hub.url}/large/{one['oid']}"}}} if new else {})})
        self._json({"transfer": "basic", "objects": objects})

    def store(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise _Refused(400, "", "not the file that was announced")
        with cast("_Server", self.server).lock:
            self.hub.store[oid] = self.body
            self.hub.sent[oid] += 1
        self.hub.hook("stored")
        self._send(b"")

    def validate(self) -> None:
        front = json.loads(self.body)["content"].split("---\n")[1]
        assert isinstance(yaml.safe_load(front), dict)
        self._json({"errors": [], "warnings": []})

    def commit(self, name: str, revision: str) -> None:
        repository = self._repository(name, write=True)
        assert revision == "main"
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        if header.get("parentCommit", repository.head) != repository.head:
            raise _Refused(412, "", "A commit has happened since. Please refresh and try again.")
        tree = dict(repository.files)
        for line in lines:
            self._apply(line["key"], line["value"], tree, repository)
        commit = _commit_id(tree, repository.head)
        repository.commits[commit] = tree
        self.hub.hook("committed")
        self._json({"success": True, "commitUrl": f"{self.hub.url}/datasets/{name}/commit/{commit}", "commitOid": commit, "hookOutput": ""})

    def _apply(self, key: str, value: Mapping[str, Any], tree: dict[str, bytes], repository: Repository) -> None:
        if key == "file":
            tree[value["path"]] = base64.b64decode(value["content"])
        elif key == "lfsFile":
            if value["oid"] not in self.hub.store:
                raise _Refused(400, "", f"LFS pointer pointed to a file that does not exist: {value['path']}")
            tree[value["path"]] = self.hub.store[value["oid"]]
            repository.large.add(value["oid"])
        elif key == "deletedFile" and tree.pop(value["path"], None) is None:
            raise _Refused(404, "EntryNotFound", "A file with this name doesn't exist")

    def file(self, name: str, revision: str, path: str) -> None:
        commit, files = self._at(name, revision)
        if path not in files:
            raise _Refused(404, "EntryNotFound")
        content = files[path]
        headers = {"ETag": f'"{_blob_id(content)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            self._send(content[start : end + 1], status=206, headers=headers)
        else:
            self._send(content, headers=headers)

    def _json(self, value: object) -> None:
        self._send(json.dumps(value).encode())

    def _send(self, body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


_NAME = r"([^/]+/[^/]+)"
_ROUTES: tuple[tuple[tuple[str, ...], str, Callable[..., None]], ...] = (
    (("POST",), r"/api/repos/create", _Handler.create),
    (("POST",), r"/api/validate-yaml", _Handler.validate),
    (("GET", "HEAD"), rf"/api/datasets/{_NAME}(?:/revision/(.+))?", _Handler.info),
    (("GET",), rf"/api/datasets/{_NAME}/tree/([^/]+)(?:/(.*))?", _Handler.tree),
    (("POST",), rf"/api/datasets/{_NAME}/paths-info/(.+)", _Handler.paths_info),
    (("POST",), rf"/api/datasets/{_NAME}/preupload/(.+)", _Handler.preupload),
    (("POST",), rf"/datasets/{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    (("PUT",), r"/large/([0-9a-f]{64})", _Handler.store),
    (("POST",), rf"/api/datasets/{_NAME}/commit/(.+)", _Handler.commit),
    (("GET", "HEAD"), rf"/datasets/{_NAME}/resolve/([^/]+)/(.+)", _Handler.file),
)


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _pointer(content: bytes) -> bytes:
    """Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(content).hexdigest()}\nsize {len(content)}\n"
    return text.encode()


def _commit_id(tree: Mapping[str, bytes], parent: str | None) -> str:
    listed = "".join(f"{path} {_blob_id(content)}\n" for path, content in sorted(tree.items()))
    return hashlib.sha1(f"{parent}\n{listed}".encode()).hexdigest()
