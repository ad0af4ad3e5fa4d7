# expect: ok, error
# Flags of files that the user owns, and what else ioctl reaches: only questions about terminals and waiting bytes pass.
import fcntl
import os

reached = []
with open(os.__file__) as library:
    for request in (0x80086601, 0x40086602, 0x801C581F, 0x401C5820, 0x40049409, 0xC0045877, 0x5412, 0x89A2, 0x8914):
        try:
            fcntl.ioctl(library, request, bytearray(64))
            reached.append(hex(request))
        except OSError as error:
            if error.errno not in (1, 25):
                reached.append((hex(request), error.errno))
if reached:
    print("ESCAPED", reached)
