# expect: ok, error PermissionError|OSError
import socket

found = []
for family, address in ((socket.AF_INET, ("127.0.0.1", int("@TCP@"))), (socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET6, ("::1", int("@TCP@")))):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as line:
            line.settimeout(0.3)
            line.connect(address)
            found.append(address)
    except OSError:
        pass
print("ESCAPED" if found else "held", found)
