# expect: any
python3 - <<'END'
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
area, size = libc.mmap(None, 1 << 42, 1, 0x4022, -1, 0), 1 << 42
for at in range(0, size, 2 << 20):
    ctypes.c_char.from_address(area + at).value
print("ESCAPED")
END
