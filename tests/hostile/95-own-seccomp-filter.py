# expect: any
# next: any
import ctypes
import struct

libc = ctypes.CDLL(None)
code = struct.pack("HBBI", 0x06, 0, 0, 0x00050001)
buffer = ctypes.create_string_buffer(code)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


libc.prctl(22, 2, ctypes.byref(Program(1, ctypes.addressof(buffer))))
