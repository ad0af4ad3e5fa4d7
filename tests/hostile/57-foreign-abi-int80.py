# expect: any
import ctypes
import mmap
import os
import platform

if platform.machine() == "x86_64":
    for name, code in (("int80", b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"), ("x32", b"\xb8\x27\x00\x00\x40\x0f\x05\xc3")):
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(code)
        call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
        if call() == os.getpid():
            print("ESCAPED", name)
print("held")
