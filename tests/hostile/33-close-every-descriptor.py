# expect: any
# next: any
import os

os.closerange(0, 1024)
print("still here")
