# expect: ok, error
# A lease on a library holds up whoever opens it for writing; a watch on a folder tells the names of the files that others touch.
import ctypes
import fcntl
import os

libc = ctypes.CDLL(None, use_errno=True)
with open(os.__file__) as library:
    try:
        fcntl.fcntl(library, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        print("ESCAPED: a lease")
    except OSError:
        pass
watch = libc.inotify_init1(0)
if watch >= 0 and any(libc.inotify_add_watch(watch, path, 0x100) >= 0 for path in (b"/tmp", b"/", b"@TMP@")):
    print("ESCAPED: a watch")
