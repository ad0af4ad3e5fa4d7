# expect: any
import ctypes
import os

ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
found = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) != os.getpid():
        for name in ("mem", "environ", "auxv", "fd/253"):
            try:
                os.close(os.open(f"/proc/{pid}/{name}", os.O_RDWR))
                found.append((pid, name))
            except OSError:
                pass
print("ESCAPED" if found else "held", found)
