# expect: any
import os

hoard, taken = [], 0
try:
    while taken < 1 << 30:
        hoard.append(os.memfd_create("hoard"))
        os.posix_fallocate(hoard[-1], 0, 32 << 20)
        taken += 32 << 20
except OSError:
    pass
print("ESCAPED: twice the memory limit, in memfds" if taken >= 1 << 30 else "held", taken)
