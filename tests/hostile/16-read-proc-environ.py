# expect: ok, error
import os

found = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            if b"EAGDATA_HOSTILE_SECRET" in file.read():
                found.append(pid)
    except OSError:
        pass
print("ESCAPED" if found else "held", found)
