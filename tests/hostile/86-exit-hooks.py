# expect: error SystemExit
import atexit
import time

atexit.register(time.sleep, 600)
atexit.register(lambda: atexit.register(time.sleep, 600))
raise SystemExit(1)
