# expect: error, limit
# state: rolled back
import os

os._exit(0)
