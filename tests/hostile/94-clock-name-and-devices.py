# expect: ok, error, limit
import os
import socket
import time

found = []
for name, attempt in {
    "clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time()),
    "hostname": lambda: socket.sethostname(socket.gethostname()),
    "sysrq": lambda: os.open("/proc/sysrq-trigger", os.O_WRONLY),
    "kcore": lambda: os.open("/proc/kcore", os.O_RDONLY),
    "core_pattern": lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY),
    "mem": lambda: os.open("/dev/mem", os.O_RDONLY),
    "kmsg": lambda: os.open("/dev/kmsg", os.O_RDONLY),
    "tty": lambda: os.open("/dev/tty", os.O_RDWR),
    "disk": lambda: os.open("/dev/vda", os.O_RDONLY),
    "cgroup": lambda: os.mkdir("/sys/fs/cgroup/eagdata-hostile"),
    "device node": lambda: (os.mknod("node", 0o020666, os.makedev(1, 1)), os.open("node", os.O_RDONLY)),
}.items():
    try:
        attempt()
        found.append(name)
    except OSError:
        pass
print("ESCAPED" if found else "held", found)
