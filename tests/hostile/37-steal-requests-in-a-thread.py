# expect: any
# next: any
import os
import stat
import threading


def steal(fd):
    try:
        while os.read(fd, 65536):
            pass
    except OSError:
        pass


for fd in range(1024):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            threading.Thread(target=steal, args=(fd,), daemon=True).start()
    except (OSError, RuntimeError):
        pass
