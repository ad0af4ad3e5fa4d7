# expect: any
# next: any
# Instead of forking, the program itself greets as the fork: two branches in one process would see each other.
import json
import os
import socket
import struct
import sys

child = sys.modules["_box.child"]


def pretend(place, fds, new):
    body = json.dumps({"hello": True}).encode()
    with socket.socket(fileno=os.dup(fds[0])) as sock:
        sock.send(struct.pack("!I", len(body)) + body)
    return os.getpid()


child.fork = pretend
