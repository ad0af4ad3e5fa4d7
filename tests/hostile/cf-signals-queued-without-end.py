# expect: ok, error
# Timers and queued signals are counted for the user, on the host too: one program must not use them all.
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
made = 0
while made < 5000 and libc.syscall(222, 1, None, ctypes.byref(ctypes.c_int())) == 0:
    made += 1
if made >= 5000:
    print("ESCAPED", made)
