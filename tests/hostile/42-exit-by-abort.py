# expect: error, limit
# state: rolled back
import os

os.abort()
