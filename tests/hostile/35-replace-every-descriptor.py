# expect: any
# next: any
import os

target = os.open("/dev/null" if os.path.exists("/dev/null") else "empty", os.O_RDWR | os.O_CREAT)
for fd in range(1024):
    if fd != target:
        try:
            os.fstat(fd)
            os.dup2(target, fd)
        except OSError:
            pass
