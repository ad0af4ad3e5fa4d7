# expect: any
import os

hoard = []
try:
    while len(hoard) < 1_000_000:
        hoard.append(os.dup(0))
except OSError:
    pass
print("ESCAPED" if len(hoard) >= 1_000_000 else "held", len(hoard))
