# expect: ok, error, limit
import ctypes
import os

libc = ctypes.CDLL(None)
found = []
for flag in (0x10000000, 0x20000000, 0x00020000, 0x40000000, 0x08000000, 0x04000000, 0x02000000, 0x7E020000):
    if libc.unshare(flag) == 0:
        found.append(("unshare", hex(flag)))
os.makedirs("jail/old", exist_ok=True)
attempts = {
    "mount": libc.mount(b"none", b"jail", b"tmpfs", 0, None),
    "bind": libc.mount(b"/", b"jail", None, 4096 | 16384, None),
    "remount": libc.mount(None, b"/", None, 32, None),
    "umount": libc.umount2(b"/proc", 2),
    "chroot": libc.chroot(b"jail"),
    "pivot_root": libc.syscall(155, b"jail", b"jail/old"),
    "fsopen": min(libc.syscall(430, b"tmpfs", 0), 0),
    "open_tree": min(libc.syscall(428, -100, b"/", 1), 0),
    "clone3": min(libc.syscall(435, None, 0), 0),
}
found += [name for name, result in attempts.items() if result == 0]
for name in ("user", "mnt", "pid", "net"):
    for pid in ("1", str(os.getppid())):
        try:
            fd = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY)
        except OSError:
            continue
        if libc.setns(fd, 0) == 0:
            found.append(("setns", name, pid))
found = [one for one in found if one not in ("fsopen", "open_tree", "clone3")]
print("ESCAPED" if found else "held", found)
