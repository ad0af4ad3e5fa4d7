# expect: any
# next: any
import fcntl
import os

for fd in range(3, 1024):
    try:
        fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.FASYNC)
    except OSError:
        pass
