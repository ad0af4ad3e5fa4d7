"""What lies outside of the box, for a program to reach that gets out: files with a canary, listeners on every loopback address."""

from __future__ import annotations

import os
import re
import secrets
import socket
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


class Traps:
    """What lies outside of the box: a canary file in a readable folder and one at home, listeners on every kind of loopback address."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(8)
        self.canary = f"eagdata-canary-{self.token}"
        self.folder = Path(tempfile.mkdtemp(prefix="traps-"))
        self.folder.chmod(0o777)
        self.files = [self.folder / "canary", Path.home() / f".canary-{self.token}"]
        for file in self.files:
            file.write_text(self.canary)
            file.chmod(0o666)
        self.marks = [_mark(file) for file in self.files]
        self.opened = ExitStack()
        self.listeners = [self._listen(*where) for where in self._addresses()]
        self.shared_segments = _count_shared_segments()

    def _addresses(self) -> list[tuple[int, int, object]]:
        unix, inet, stream, datagram = socket.AF_UNIX, socket.AF_INET, socket.SOCK_STREAM, socket.SOCK_DGRAM
        abstract = f"\0hostile-{self.token}"
        local = ("127.0.0.1", 0)
        socket_file = str(self.folder / "socket")
        return [
            (inet, stream, local),
            (inet, datagram, local),
            (unix, stream, abstract),
            (unix, datagram, abstract + "-datagram"),
            (unix, stream, socket_file),
        ]

    def _listen(self, family: int, kind: int, address: object) -> socket.socket:
        listener = self.opened.enter_context(socket.socket(family, kind))
        listener.setblocking(False)
        listener.bind(address)  # type: ignore[arg-type]
        if isinstance(address, str) and address[0] == "/":
            os.chmod(address, 0o777)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        return listener

    def fill(self, text: str) -> str:
        """`text` with the placeholders replaced."""
        names = {
            "CANARY": self.files[0],
            "HOME_CANARY": self.files[1],
            "TMP": self.folder,
            "TCP": self.listeners[0].getsockname()[1],
            "UDP": self.listeners[1].getsockname()[1],
            "ABSTRACT": f"hostile-{self.token}",
            "REPO": REPO,
            "TOKEN": self.token,
        }
        return re.sub(r"@([A-Z_]+)@", lambda found: str(names.get(found[1], found[0])), text)

    def sprung(self) -> list[str]:
        """The traps that something fell into since the last call."""
        faults = [f"{file} changed" for file in self.files if file.read_text() != self.canary]
        faults += [f"mode or times of {file} changed" for file, mark in zip(self.files, self.marks, strict=True) if _mark(file) != mark]
        self.marks = [_mark(file) for file in self.files]
        strangers = {file.name for file in self.folder.iterdir()} - {"canary", "socket"}
        for name in sorted(strangers):
            faults.append(f"file outside the box: {name}")
            (self.folder / name).unlink()
        places = [Path(place) for place in ("/tmp", "/dev/shm", "/var/tmp", "/run", "/etc", ".", REPO, REPO / "eagdata")]
        for strange in (place / f"{mark}-{self.token}" for place in places for mark in ("poison", ".hostile")):
            if strange.exists():
                faults.append(f"file outside the box: {strange}")
                strange.unlink()
        faults += [f"a connection reached {listener.getsockname()!r}" for listener in self.listeners if _reached(listener)]
        if (segments := _count_shared_segments()) > self.shared_segments:
            faults.append("System V shared memory left on the host")
        self.shared_segments = segments
        return faults

    def close(self) -> None:
        self.opened.close()
        for file in self.files:
            file.unlink()
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()


def _mark(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mode, status.st_mtime_ns


def _reached(listener: socket.socket) -> bool:
    try:
        if listener.type == socket.SOCK_STREAM:
            listener.accept()[0].close()
        else:
            listener.recv(100)
    except BlockingIOError:
        return False
    return True


def _count_shared_segments() -> int:
    with suppress(OSError):
        return len(Path("/proc/sysvipc/shm").read_text().splitlines())
    return 0
