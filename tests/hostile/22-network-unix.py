# expect: ok, error PermissionError|OSError
import glob
import socket

found = []
for address in ("\0@ABSTRACT@", "@TMP@/socket", "/var/run/docker.sock", "/run/systemd/private", *glob.glob("/tmp/.X11-unix/*")):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            with socket.socket(socket.AF_UNIX, kind) as line:
                line.settimeout(0.3)
                line.connect(address)
                found.append(address)
        except OSError:
            pass
a = b = None
try:
    a, b = socket.socketpair()
    a.connect("\0@ABSTRACT@")
    found.append("through a socketpair")
except OSError:
    pass
try:
    c, d = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    c.sendto(b"reached", "\0@ABSTRACT@-datagram")
    found.append("datagram to a name through a socketpair")
except OSError:
    pass
print("ESCAPED" if found else "held", found)
