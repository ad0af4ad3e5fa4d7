# expect: any
import os

block, written = b"d" * (1 << 20), 0
try:
    for number in range(256):
        with open(f"fill-{number}", "wb", buffering=0) as file:
            try:
                for _ in range(8):
                    written += file.write(block)
            except OSError:
                pass
except OSError:
    pass
print("ESCAPED" if written > 1 << 30 else "held", written)
