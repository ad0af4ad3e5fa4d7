# expect: ok, error
import gc
import sys

seen = [repr(thing)[:10_000] for thing in gc.get_objects() if type(thing) in (dict, list, tuple)]
frame = sys._getframe()
while frame:
    seen.append(repr(frame.f_globals)[:100_000] + repr(frame.f_locals)[:100_000])
    frame = frame.f_back
secret = "TERCES_ELITSOH"[::-1]
print("ESCAPED" if any(secret in text for text in seen ) else "held")
