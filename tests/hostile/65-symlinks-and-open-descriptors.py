# expect: ok, error
import os

found = []
os.symlink("@CANARY@", "way")
os.symlink("../" * 20 + "@CANARY@", "up")
for path in ("way", "up", *(f"/proc/self/fd/{fd}{'/..' * 8}@CANARY@" for fd in range(260)), *(f"/proc/thread-self/fd/{fd}" + "/@CANARY@" for fd in range(16))):
    try:
        with open(path) as file:
            found.append((path, file.read(40)))
    except OSError:
        pass
for fd in range(1024):
    for path in ("@CANARY@"[1:], "../" * 12 + "@CANARY@"[1:]):
        try:
            handle = os.open(path, os.O_RDONLY, dir_fd=fd)
            found.append((fd, os.read(handle, 40)))
        except OSError:
            pass
    try:
        os.fchdir(fd)
        found += [(fd, path) for path in ("../" * 12 + "@CANARY@"[1:],) if os.path.exists(path)]
    except OSError:
        pass
print("ESCAPED" if found else "held", found)
