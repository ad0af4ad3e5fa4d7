# expect: any
# next: any
import gc
import time

gc.set_threshold(1)
gc.callbacks.append(lambda *_: time.sleep(600))
