# expect: any
# next: any
import os

os.register_at_fork(before=lambda: 1 / 0, after_in_child=lambda: os._exit(3))
