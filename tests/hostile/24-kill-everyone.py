# expect: ok, error PermissionError
import ctypes
import os

libc = ctypes.CDLL(None)
found = []
targets = {-1, 1, os.getppid(), *range(2, 60), *(int(p) for p in os.listdir("/proc") if p.isdigit())} - {os.getpid(), 0}
for pid in targets:
    try:
        os.kill(pid, 0)
        found.append(pid)
    except OSError:
        pass
    if libc.syscall(234, pid, pid, 0) == 0:
        found.append(("tgkill", pid))
    if libc.syscall(200, pid, 0) == 0:
        found.append(("tkill", pid))
print("ESCAPED" if found else "held", found)
