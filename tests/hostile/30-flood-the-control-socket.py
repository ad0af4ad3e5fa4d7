# expect: any
# next: any
import os
import stat

block = b"{" * 65536
sent = 0
for fd in range(1024):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            while sent < 1 << 30:
                sent += os.write(fd, block)
    except OSError:
        pass
print("ESCAPED: the supervisor swallowed a gigabyte" if sent >= 1 << 30 else "held", sent)
