# expect: any
import os
import socket

for make in (
    lambda: os.mkfifo("pipe"),
    lambda: os.symlink("loop", "loop"),
    lambda: os.symlink("@CANARY@", "canary"),
    lambda: os.symlink("/", "root"),
    lambda: os.symlink("/dev/zero", "zero"),
    lambda: os.mknod("device", 0o020666, os.makedev(1, 5)),
    lambda: open(b"\xff\xfe bad name \n", "w").close(),
    lambda: socket.socket(socket.AF_UNIX).bind("socket"),
    lambda: (open("locked", "w").close(), os.chmod("locked", 0)),
    lambda: (os.mkdir("closed"), open("closed/inside", "w").close(), os.chmod("closed", 0)),
    lambda: os.truncate(os.open("sparse", os.O_RDWR | os.O_CREAT), 1 << 50),
    lambda: os.link("sparse", "hard"),
    lambda: os.chmod(".", 0),
):
    try:
        make()
    except OSError:
        pass
