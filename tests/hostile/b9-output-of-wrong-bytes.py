# expect: any
import os

for _ in range(60):
    os.write(1, b"\xff" * (1 << 20))
