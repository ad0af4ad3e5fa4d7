# expect: ok, error, limit
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
found = []
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
for pid in {1, os.getppid(), *range(2, 50)} - {os.getpid(), 0}:
    if libc.ptrace(PTRACE_SEIZE, pid, None, None) == 0:
        found.append(pid)
        libc.ptrace(PTRACE_DETACH, pid, None, None)
print("ESCAPED" if found else "held", found)
