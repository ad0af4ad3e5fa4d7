# expect: ok, error PermissionError|OSError
import socket

found = []
for address in (("127.0.0.1", int("@UDP@")), ("192.0.2.1", 9)):
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.connect(address)
            if address[0] == "127.0.0.1":
                line.send(b"reached")
            found.append(address)
    except OSError:
        pass
try:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 0.3):
        pass  # talking to oneself inside the box harms nobody
except OSError:
    pass
print("ESCAPED" if found else "held", found)
