# expect: ok, error, limit
import os
import time

made = 0
for _ in range(300):
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        time.sleep(20)
        os._exit(0)
    made += 1
print("ESCAPED" if made > 128 else "held", made)
