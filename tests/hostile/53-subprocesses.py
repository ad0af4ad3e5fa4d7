# expect: ok, error
import multiprocessing
import os
import subprocess

ran = []
for command in (["/bin/sh", "-c", "sleep 60 &"], ["/bin/echo", "x"]):
    try:
        subprocess.Popen(command, start_new_session=True)
        ran.append(command)
    except OSError:
        pass
try:
    os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    ran.append("spawn")
except OSError:
    pass
try:
    multiprocessing.get_context("fork").Process(target=print).start()
except OSError:
    pass
print("held", ran)
