# expect: ok, error
import resource

found = []
for name in ("AS", "FSIZE", "NOFILE", "NPROC", "CORE", "CPU", "DATA", "STACK"):
    number = getattr(resource, "RLIMIT_" + name)
    soft, hard = resource.getrlimit(number)
    try:
        if hard != resource.RLIM_INFINITY:
            resource.setrlimit(number, (hard + 1, hard + 1))
            found.append(name)
    except (OSError, ValueError):
        pass
try:
    import os

    os.setpriority(os.PRIO_PROCESS, 0, -5)
    found.append("nice")
except OSError:
    pass
try:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    found.append("realtime")
except OSError:
    pass
print("ESCAPED" if found else "held", found)
