# expect: ok, error
import ctypes
import os

seen = [*os.environ.values(), *os.environ]
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
at = 0
while environ and environ[at]:
    seen.append(environ[at].decode("utf-8", "replace"))
    at += 1
try:
    with open("/proc/self/environ") as file:
        seen.append(file.read())
except OSError:
    pass
found = [word for word in seen if "HOSTILE_SECRET" in word or "API_KEY" in word]
print("ESCAPED" if found else "held", found)
