# expect: any
# next: any
import sys


def hook(event, arguments):
    raise RuntimeError("audited")


sys.addaudithook(hook)
