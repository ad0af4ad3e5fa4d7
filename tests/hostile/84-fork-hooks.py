# expect: any
# next: any
import os
import time

os.register_at_fork(before=lambda: time.sleep(600), after_in_child=lambda: time.sleep(600), after_in_parent=lambda: time.sleep(600))
