# expect: any
# next: any
import resource

for name in ("AS", "FSIZE", "NOFILE", "NPROC", "CPU", "DATA", "STACK"):
    try:
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (0, 0))
    except (OSError, ValueError):
        pass
