"""Runs a command as an ordinary user in a pid, network, ipc and mount space of its own, with a bound on processes.

    python -m tests.hostile.outer COMMAND...

For isolation that lets programs start processes: what they leave dies with the command, what they signal is inside.
"""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import struct
import sys

from eagdata.environments.sandbox import kernel

MAX_PROCESSES = 2000
_SIOCSIFFLAGS, _UP = 0x8914, 1


def main(command: list[str]) -> int:
    """The command's exit status; -1 if a signal ended it. Raises: OSError where user namespaces are forbidden."""
    uid, gid = os.geteuid(), os.getegid()
    spaces = (kernel.CLONE_NEWUSER, kernel.CLONE_NEWPID, kernel.CLONE_NEWNS, kernel.CLONE_NEWNET, kernel.CLONE_NEWIPC)
    kernel.call("unshare", sum(spaces))
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP))
    if (pid := os.fork()) == 0:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
        kernel.mount("proc", "/proc", kind="proc")
        resource.setrlimit(resource.RLIMIT_NPROC, (MAX_PROCESSES, MAX_PROCESSES))
        os.execvp(command[0], command)
    status = os.waitpid(pid, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
