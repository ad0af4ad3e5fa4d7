# expect: any
import builtins
import sys


class Finder:
    def find_spec(self, *_):
        raise SystemExit


sys.meta_path.insert(0, Finder())
sys.path_hooks.insert(0, Finder())
builtins.__import__ = lambda *a, **k: 1 / 0
