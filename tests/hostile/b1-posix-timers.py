# expect: any
# next: any
import ctypes
import signal

libc = ctypes.CDLL(None)


class Event(ctypes.Structure):
    _fields_ = [("value", ctypes.c_void_p), ("signo", ctypes.c_int), ("notify", ctypes.c_int), ("rest", ctypes.c_char * 48)]


timer = ctypes.c_int()
event = Event(None, signal.SIGALRM, 0)
libc.syscall(222, 1, ctypes.byref(event), ctypes.byref(timer))
libc.syscall(223, timer, 0, ctypes.byref((ctypes.c_long * 4)(0, 1_000_000, 0, 50_000_000)), None)
