# expect: any
# next: any
import faulthandler
import os
import threading

try:
    faulthandler.dump_traceback_later(0.05, exit=True)
except (OSError, RuntimeError):
    pass
try:
    threading.Timer(0.05, os._exit, [0]).start()
except RuntimeError:
    pass
