# expect: timeout
# state: rolled back
# The harness itself answers some calls: asking without end, from many threads, must not take its time from the others.
import os
import threading


def ask():
    while True:
        try:
            os.kill(1, 0)
        except OSError:
            pass


for _ in range(20):
    try:
        threading.Thread(target=ask, daemon=True).start()
    except RuntimeError:
        break
ask()
