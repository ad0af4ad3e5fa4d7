# expect: any
import os

try:
    for _ in range(300):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
except OSError:
    pass
