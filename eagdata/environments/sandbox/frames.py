"""Frames between supervisor and box: four bytes of length, then a JSON object. Never pickle: one side is hostile."""

from __future__ import annotations

import json
import socket
import struct
from array import array

MAX_FRAME_BYTES = 1 << 20
"""What a box may send at once; its output does not travel in frames."""

Frame = dict[str, object]
_encode = json.JSONEncoder(ensure_ascii=True).encode
_decode = json.JSONDecoder().decode
_SIZE = struct.Struct("!I")


class BadFrame(ValueError):
    """The other side broke the protocol."""


def pack(frame: Frame) -> bytes:
    body = _encode(frame).encode("ascii")
    return _SIZE.pack(len(body)) + body


def unpack(buffer: bytearray) -> Frame | None:
    """Take the first whole frame out of `buffer`; None if there is none yet. Raises: BadFrame."""
    if len(buffer) < 4:
        return None
    (size,) = _SIZE.unpack_from(buffer)
    if size > MAX_FRAME_BYTES:
        raise BadFrame(f"a frame of {size} bytes")
    if len(buffer) < 4 + size:
        return None
    body = bytes(buffer[4 : 4 + size])
    del buffer[: 4 + size]
    return parse(body)


def parse(body: bytes) -> Frame:
    """The object in one frame. Raises: BadFrame."""
    try:
        frame = _decode(body.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise BadFrame("not JSON") from error
    if not isinstance(frame, dict):
        raise BadFrame("not an object")
    return frame


def send_with(sock: socket.socket, frame: Frame, fds: list[int]) -> None:
    """Send a frame and open files along with it. Raises: OSError."""
    body = pack(frame)
    sent = sock.sendmsg([body], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", fds))] if fds else [])
    sock.sendall(body[sent:])


def receive(sock: socket.socket) -> tuple[Frame, list[int]] | None:
    """The next frame and the files sent along, waiting for it; None when the other side is gone. For the box's side only."""
    head, fds = _exactly(sock, 4)
    if not head:
        return None
    body, more = _exactly(sock, _SIZE.unpack(head)[0])
    return parse(body), fds + more


def _exactly(sock: socket.socket, size: int) -> tuple[bytes, list[int]]:
    found, fds = bytearray(), array("i")
    while len(found) < size:
        data, extra, _, _ = sock.recvmsg(size - len(found), 256)
        for _, kind, payload in extra:
            if kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
        if not data:
            return b"", list(fds)
        found += data
    return bytes(found), list(fds)
