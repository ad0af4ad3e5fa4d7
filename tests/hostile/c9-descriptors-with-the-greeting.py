# expect: any
# next: any
# A fork greets the harness: with two hundred open files in its hand, and with files sent before the greeting is whole.
import array
import os
import socket
import sys

frames = sys.modules["_box.frames"]
child = sys.modules["_box.child"]
files = [os.open("/dev/null", os.O_RDONLY) for _ in range(50)]


def greet(sock, frame, fds):
    data = frames.pack(frame)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
    sock.sendmsg([data[:3]], rights)
    sock.sendmsg([data[3:]], rights)


child.send_with = greet
