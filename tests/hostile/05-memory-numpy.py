# expect: error MemoryError|_ArrayMemoryError, limit, timeout
import numpy as np

arrays = []
for _ in range(12):
    arrays.append(np.ones(64 << 20))
print("ESCAPED: 6 GiB of floats")
