# expect: ok, error, limit, timeout
# next: any
import threading
import time

threading.stack_size(64 * 1024)
started = 0
for _ in range(3000):
    try:
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    except RuntimeError:
        break
    started += 1
print("ESCAPED" if started > 1000 else "held")
