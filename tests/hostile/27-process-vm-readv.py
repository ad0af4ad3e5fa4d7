# expect: ok, error, limit
import ctypes
import os


class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


libc = ctypes.CDLL(None)
found = []
with open("/proc/self/maps") as file:
    address = int(file.readline().split("-")[0], 16)
mine = ctypes.create_string_buffer(16)
here, there = Span(ctypes.addressof(mine), 16), Span(address, 16)
for pid in {1, os.getppid(), *range(2, 50)} - {os.getpid(), 0}:
    if libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
        found.append(("read", pid))
print("ESCAPED" if found else "held", found)
