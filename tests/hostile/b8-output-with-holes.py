# expect: any
import fcntl
import os

for fd in range(1, 1024):
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, 0)
        os.lseek(fd, 40 << 20, os.SEEK_SET)
        fcntl.fcntl(fd, 1033, 15)
    except OSError:
        pass
print("after the hole")
