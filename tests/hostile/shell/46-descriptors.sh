# expect: ok, error
python3 - <<'END'
import os, socket
kept = []
try:
    while True:
        kept.append(socket.socketpair())
except OSError:
    pass
for one, _ in kept:
    one.setblocking(False)
    try:
        while True:
            one.send(b"x" * 65536)
    except OSError:
        pass
print("ESCAPED" if len(kept) > 128 else "held", len(kept))
END
