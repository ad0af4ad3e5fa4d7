# expect: ok, error
# Landlock has no word on modes, owners and times.
import os

for path in ("@CANARY@", "@HOME_CANARY@"):
    for change in (lambda: os.chmod(path, 0o606), lambda: os.utime(path, (1, 1)), lambda: os.truncate(path, 0)):
        try:
            change()
        except OSError:
            pass
