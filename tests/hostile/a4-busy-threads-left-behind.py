# expect: any
# next: any
import sys
import threading


def spin():
    while True:
        print("noise" * 50)


sys.setswitchinterval(100)
for _ in range(4):
    try:
        threading.Thread(target=spin, daemon=True).start()
    except RuntimeError:
        break
