# expect: ok, error PermissionError|OSError
import socket

found = []
for family, kind, protocol in ((17, socket.SOCK_RAW, 3), (socket.AF_INET, socket.SOCK_RAW, 1), (40, socket.SOCK_STREAM, 0), (38, socket.SOCK_SEQPACKET, 0), (16, socket.SOCK_RAW, 15)):
    try:
        socket.socket(family, kind, protocol).close()
        found.append((family, int(kind)))
    except OSError:
        pass
print("ESCAPED" if found else "held", found)
