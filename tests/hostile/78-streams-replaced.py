# expect: any
# next: any
import sys


class Stream:
    def __getattr__(self, name):
        raise SystemExit


sys.stdout = sys.stderr = sys.stdin = sys.__stdout__ = sys.__stderr__ = Stream()
sys.excepthook = sys.displayhook = sys.unraisablehook = Stream()
