# expect: any
# next: any
import array
import os
import socket
import stat

spare = [os.dup(0) for _ in range(50)]
for fd in range(1024):
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode) or fd in spare:
            continue
        line = socket.socket(fileno=os.dup(fd))
        line.setblocking(False)
        for _ in range(200):
            line.sendmsg([b"\x00"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", spare))])
    except OSError:
        pass
print("held")
