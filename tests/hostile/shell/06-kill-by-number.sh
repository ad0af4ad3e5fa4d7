# expect: ok, error
python3 - <<'END'
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
mine = {int(name) for name in os.listdir("/proc") if name.isdigit()} | {1, os.getpid(), os.getppid()}
found = []
for pid in set(range(1, 70000)) - mine:
    for answer in (libc.kill(pid, 0), libc.syscall(200, pid, 0), libc.syscall(234, pid, pid, 0)):
        if answer == 0 and not os.path.exists(f"/proc/{pid}"):
            found.append(pid)
print("ESCAPED" if found else "held", found)
END
