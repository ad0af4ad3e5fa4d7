# expect: ok, error
import os

found = []
others = {os.getppid(), 1, *(int(p) for p in os.listdir("/proc") if p.isdigit())} - {os.getpid()}
for pid in others:
    for name, flags in (("mem", os.O_RDWR), ("mem", os.O_RDONLY), ("maps", os.O_RDONLY)):
        try:
            fd = os.open(f"/proc/{pid}/{name}", flags)
            if name == "mem" or os.read(fd, 10):
                found.append((pid, name, flags))
            os.close(fd)
        except OSError:
            pass
print("ESCAPED" if found else "held", found)
