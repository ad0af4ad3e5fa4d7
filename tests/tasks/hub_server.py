"""As much of the Hub as `datasets` needs to load a dataset: revisions, trees, files in ranges, and its ways to refuse."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import unquote, urlsplit

Commits = Mapping[str, Mapping[str, bytes]]
"""Commit -> path -> content; the last commit is `main`."""


@contextmanager
def hub(datasets: Mapping[str, Commits], *, gated: frozenset[str] = frozenset()) -> Iterator[str]:
    """Serve datasets by id on loopback; gives the endpoint."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.datasets, server.gated = datasets, gated
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    datasets: Mapping[str, Commits]
    gated: frozenset[str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._info(found[1], found[2] or "main")
        elif found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/tree/([^/]+)(?:/(.*))?", path):
            self._tree(found[1], found[2], (found[3] or "").strip("/"))
        elif found := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(found[1], found[2], found[3])
        else:
            self._refuse(404, "NotFound")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/paths-info/(.+)", unquote(urlsplit(self.path).path))
        if found and (at := self._at(found[1], found[2])):
            wanted = json.loads(asked)["paths"]
            self._send(json.dumps([_entry(at[1], path) for path in wanted if path in at[1] or _inside(at[1], path)]).encode())
        elif not found:
            self._refuse(404, "NotFound")

    def _at(self, name: str, revision: str) -> tuple[str, Mapping[str, bytes]] | None:
        """Commit and files; None once it is refused."""
        server = cast("_Server", self.server)
        if name in server.gated and not self.headers.get("Authorization"):
            return self._refuse(401, "GatedRepo")
        if name not in server.datasets:
            return self._refuse(401, "RepoNotFound")
        commits = server.datasets[name]
        commit = list(commits)[-1] if revision == "main" else revision
        return (commit, commits[commit]) if commit in commits else self._refuse(404, "RevisionNotFound")

    def _info(self, name: str, revision: str) -> None:
        if at := self._at(name, revision):
            commit, files = at
            siblings = [{"rfilename": path} for path in files]
            self._send(json.dumps({"id": name, "sha": commit, "private": False, "tags": [], "downloads": 0, "siblings": siblings}).encode())

    def _tree(self, name: str, revision: str, folder: str) -> None:
        if at := self._at(name, revision):
            deep = "recursive=true" in self.path.lower()
            inside = _children(at[1], folder, deep=deep)
            self._send(json.dumps([_entry(at[1], path) for path in inside]).encode()) if inside else self._refuse(404, "EntryNotFound")

    def _file(self, name: str, revision: str, path: str) -> None:
        at = self._at(name, revision)
        if at is None:
            return
        if path not in at[1]:
            self._refuse(404, "EntryNotFound", commit=at[0])
            return
        content = at[1][path]
        headers = {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": at[0], "Accept-Ranges": "bytes"}
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            self._send(content[start : end + 1], status=206, headers=headers)
        else:
            self._send(content, headers=headers)

    def _refuse(self, status: int, code: str, *, commit: str | None = None) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code} | ({"X-Repo-Commit": commit} if commit else {})
        self._send(b"{}", status=status, headers=headers)

    def _send(self, body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


def _oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def _children(files: Mapping[str, bytes], folder: str, *, deep: bool) -> list[str]:
    """Paths of files and folders within `folder`, at any depth or just below it."""
    prefix = f"{folder}/" if folder else ""
    parts = [path.removeprefix(prefix).split("/") for path in files if path.startswith(prefix)]
    return sorted({prefix + "/".join(part[:end]) for part in parts for end in range(1, len(part) + 1 if deep else 2)})


def _inside(files: Mapping[str, bytes], folder: str) -> bool:
    return any(path.startswith(f"{folder}/") for path in files)


def _entry(files: Mapping[str, bytes], path: str) -> dict[str, object]:
    if path not in files:
        return {"type": "directory", "oid": "0" * 40, "size": 0, "path": path}
    return {"type": "file", "oid": _oid(files[path]), "size": len(files[path]), "path": path}
