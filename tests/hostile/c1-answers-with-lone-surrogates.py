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
body = json.dumps({"id": ids[0] if ids else "", "status": "error", "kind": "\ud800", "value": "\udfff" * 100_000}).encode()
os.write(253, len(body).to_bytes(4, "big") + body)
time.sleep(0.2)
