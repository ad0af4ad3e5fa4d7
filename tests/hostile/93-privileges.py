# expect: ok, error, limit
import ctypes
import os

found = []
for attempt in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.chown(".", 0, 0)):
    try:
        if os.getuid() != 0:
            attempt()
            found.append("became root")
    except OSError:
        pass
with open("/proc/self/status") as file:
    status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
found += [name for name in ("CapEff", "CapPrm", "CapAmb") if int(status[name], 16)]
if status["NoNewPrivs"].strip() != "1":
    found.append("new privileges")
libc = ctypes.CDLL(None)
if libc.prctl(24, 0, 0, 0, 0) == 0 and int(status["CapBnd"], 16) & 1:
    found.append("bounding set")
print("ESCAPED" if found else "held", found)
