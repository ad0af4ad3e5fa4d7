# expect: ok, error
command -v curl > /dev/null && curl -s -m 2 http://127.0.0.1:@TCP@/ && echo ESCAPED
python3 - <<'END'
import socket
found = []
for family, kind, address in [
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", @TCP@)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", @UDP@)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", @TCP@)),
    (socket.AF_UNIX, socket.SOCK_STREAM, "\0@ABSTRACT@"),
    (socket.AF_UNIX, socket.SOCK_DGRAM, "\0@ABSTRACT@-datagram"),
    (socket.AF_UNIX, socket.SOCK_STREAM, "@TMP@/socket"),
    (socket.AF_NETLINK, socket.SOCK_RAW, (0, 0)),
    (socket.AF_PACKET, socket.SOCK_RAW, ("lo", 0)),
]:
    try:
        with socket.socket(family, kind) as one:
            one.connect(address)
        found.append(address)
    except OSError:
        pass
try:
    socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", "\0@ABSTRACT@-datagram")
    found.append("pair")
except OSError:
    pass
print("ESCAPED" if found else "held", found)
END
