# expect: ok, error
import os

found = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    for way in (f"/proc/{pid}/root", f"/proc/{pid}/cwd", f"/proc/{pid}/task/{pid}/root"):
        try:
            with open(way + "@CANARY@") as file:
                found.append((way, file.read(20)))
        except OSError:
            pass
        for up in range(1, 12):
            try:
                with open(way + "/.." * up + "@CANARY@") as file:
                    found.append((way, up))
            except OSError:
                pass
print("ESCAPED" if found else "held", found)
