# expect: any
import sys
import threading


def trace(frame, event, argument):
    frame.f_trace_opcodes = True
    if frame.f_code.co_filename.endswith(".py"):
        raise ValueError("traced")
    return trace


sys.setprofile(trace)
threading.settrace(trace)
threading.setprofile(trace)
sys.settrace(trace)
