# expect: any
# next: any
import os
import time

inside = []


def multiply():
    if not inside:
        inside.append(1)
        try:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
        except OSError:
            pass
        inside.clear()


os.register_at_fork(before=multiply)
