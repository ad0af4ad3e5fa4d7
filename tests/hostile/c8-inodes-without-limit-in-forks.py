# expect: any
# next: any
import sys

for name, module in list(sys.modules.items()):
    if name.startswith("_box") and hasattr(module, "MAX_INODES"):
        module.MAX_INODES = 0
