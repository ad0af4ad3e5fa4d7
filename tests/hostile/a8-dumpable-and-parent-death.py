# expect: ok, error, limit
import ctypes
import signal

libc = ctypes.CDLL(None)
libc.prctl(1, signal.SIGKILL)
libc.prctl(4, 1)
libc.prctl(36, 1)
libc.prctl(15, b"init\0")
libc.prctl(38, 0, 0, 0, 0)
print("held")
