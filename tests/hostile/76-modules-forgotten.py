# expect: any
import sys

for name in list(sys.modules):
    if name not in ("sys", "builtins", "__main__"):
        sys.modules[name] = None
sys.modules["__main__"] = None
sys.path[:] = []
sys.meta_path[:] = []
