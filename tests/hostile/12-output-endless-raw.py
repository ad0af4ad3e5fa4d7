# expect: timeout, limit, error
import os

while True:
    for fd in (1, 2):
        try:
            os.write(fd, b"y" * 65536)
        except OSError:
            pass
