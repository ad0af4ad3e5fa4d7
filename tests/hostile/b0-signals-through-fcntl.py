# expect: any
import fcntl
import os
import signal
import socket

pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
inside_a_pid_namespace = len(pids) < 20 and max(pids) < 1000
a, b = socket.socketpair()
fcntl.fcntl(a, fcntl.F_SETFL, os.O_NONBLOCK | fcntl.FASYNC)
fcntl.fcntl(a, 10, signal.SIGKILL)
for pid in set(pids) | set(range(2, 30)):
    if inside_a_pid_namespace and pid != os.getpid():
        try:
            fcntl.fcntl(a, fcntl.F_SETOWN, pid)
            b.send(b"now")
        except OSError:
            pass
a.close()
b.close()
