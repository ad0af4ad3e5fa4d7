# expect: any
# next: any
import sys

frame = sys._getframe()
while frame.f_back:
    frame = frame.f_back
    for space in (frame.f_locals, frame.f_globals):
        for name in list(space):
            if space is not globals():
                space[name] = None
