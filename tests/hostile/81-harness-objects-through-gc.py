# expect: any
# next: any
import gc
import socket
import types

mine = globals()
for thing in gc.get_objects():
    try:
        if isinstance(thing, socket.socket):
            thing.setblocking(False)
            thing.close()
        elif isinstance(thing, types.FunctionType) and "eagdata" in (thing.__module__ or "") + thing.__code__.co_filename:
            thing.__code__ = (lambda *a, **k: "FORGED").__code__
        elif isinstance(thing, dict) and thing is not mine and "eagdata" in str(thing.get("__name__", "")):
            thing.clear()
    except BaseException:
        pass
