# expect: any
# next: any
import os
import stat

for fd in range(1024):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            os.write(fd, b"\xff" * 4)
            os.write(fd, b"\x00" * 4)
            os.write(fd, b"\x80\x00\x00\x00")
    except OSError:
        pass
print("held")
