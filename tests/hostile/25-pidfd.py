# expect: ok, error PermissionError|OSError
import ctypes
import os
import signal

libc = ctypes.CDLL(None)
found = []
for pid in {1, os.getppid(), *range(2, 50)} - {os.getpid(), 0}:
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        continue
    try:
        signal.pidfd_send_signal(handle, 0)
        found.append(("signal", pid))
    except OSError:
        pass
    found += [("getfd", pid, fd) for fd in range(20) if libc.syscall(438, handle, fd, 0) >= 0]
print("ESCAPED" if found else "held", found)
