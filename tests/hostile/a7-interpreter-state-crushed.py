# expect: any
# next: any
import ctypes

ctypes.memset(id(type), 0, 256)
