# expect: any
# next: any
import json
import os
import stat
import struct

lies = ({"status": "ok", "text": "FORGED", "kind": None, "value": "FORGED"}, {"type": "hello", "pid": 1}, [["deep"] * 10], None, 1e999)
frames = [json.dumps(lie).encode() for lie in lies] + [b'{"id": ' + b"9" * 6000 + b"}", b'{"a":' * 5000, b"[" * 500_000, b"\xff" * 64, b""]
for fd in range(3, 1024):
    for frame in frames:
        for head in ("<I", ">I", "<Q", ">H"):
            try:
                if stat.S_ISSOCK(os.fstat(fd).st_mode) or stat.S_ISFIFO(os.fstat(fd).st_mode):
                    os.write(fd, struct.pack(head, len(frame) & 0xFFFF) + frame)
            except OSError:
                pass
print("held")
