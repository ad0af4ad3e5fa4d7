# expect: any
python3 - <<'END'
import threading, time
made = 0
try:
    for _ in range(5000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        made += 1
except RuntimeError:
    pass
print("ESCAPED" if made > 64 else "held", flush=True)
import os
os._exit(0)
END
