# expect: ok, error, limit
import ctypes
import platform

libc = ctypes.CDLL(None)
numbers = {"io_uring_setup": 425, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "add_key": 248, "keyctl": 250, "fanotify_init": 300, "open_by_handle_at": 304, "kcmp": 312, "fsopen": 430, "mount_setattr": 442}
arguments = {"io_uring_setup": (4, ctypes.create_string_buffer(256)), "bpf": (0, ctypes.create_string_buffer(b"\x02\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00", 128), 128),
             "perf_event_open": (ctypes.create_string_buffer(b"\x01\x00\x00\x00\x80\x00\x00\x00", 128), 0, -1, -1, 0), "userfaultfd": (1,), "add_key": (b"user", b"n", b"v", 1, -2), "keyctl": (0, -3, 1),
             "fanotify_init": (0, 0), "open_by_handle_at": (-100, ctypes.create_string_buffer(64), 0), "kcmp": (1, 1, 2, 0, 0), "fsopen": (b"tmpfs", 0), "mount_setattr": (-100, b"/", 0, None, 0)}
found = []
if platform.machine() == "x86_64":
    found = [name for name, number in numbers.items() if libc.syscall(number, *arguments[name]) >= 0]
print("ESCAPED" if found else "held", found)
