# expect: any
import ctypes

libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
taken = 0
for _ in range(96):
    segment = libc.shmget(0, 32 << 20, 0o600 | 0o1000)
    address = libc.shmat(segment, None, 0) if segment >= 0 else None
    if address in (None, ctypes.c_void_p(-1).value):
        break
    ctypes.memset(address, 1, 32 << 20)
    libc.shmdt(ctypes.c_void_p(address))
    taken += 32
print("ESCAPED: 3 GiB of System V memory" if taken >= 3072 else "held", taken)
