# expect: error, limit
# state: rolled back
import ctypes

ctypes.string_at(1)
