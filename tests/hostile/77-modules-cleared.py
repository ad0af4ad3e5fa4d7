# expect: any
# next: any
import sys

sys.modules.clear()
