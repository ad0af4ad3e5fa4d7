# expect: limit, error
# state: rolled back
# Many hosts start a helper as root for each crash, on the memory of what crashed: a core limit of 1 forbids it, 0 does not.
import ctypes
import resource

ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
try:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ESCAPED")
except (OSError, ValueError):
    ctypes.string_at(0)
else:
    raise SystemExit
