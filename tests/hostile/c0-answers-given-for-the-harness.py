# expect: any
# next: any
import json
import os
import sys
import time

frame, ids = sys._getframe(), []
while frame:
    ids += [value["id"] for value in frame.f_locals.values() if isinstance(value, dict) and "id" in value]
    frame = frame.f_back
deep = "x"
for _ in range(984):
    deep = [deep]
body = json.dumps({"id": ids[0], "status": {"a": 1}, "kind": deep, "value": deep}).encode() if ids else b"{}"
for fd in (253,):
    os.write(fd, len(body).to_bytes(4, "big") + body)
time.sleep(0.2)
