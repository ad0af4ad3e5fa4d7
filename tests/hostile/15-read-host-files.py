# expect: ok, error
import os
import glob

found = []
paths = ["@CANARY@", "@HOME_CANARY@", "/etc/shadow", "/root/.bashrc", "/root/.ssh/id_rsa", "/var/run/secrets/kubernetes.io/serviceaccount/token"]
for path in paths + glob.glob("/home/*/.*") + glob.glob("/proc/1/root/root/*"):
    try:
        with open(path, "rb") as file:
            found.append((path, file.read(60)))
    except OSError:
        pass
for folder in ("@TMP@", "/proc/1/root@TMP@"):
    try:
        found.append(os.listdir(folder))
    except OSError:
        pass
print("ESCAPED" if any(found) else "held", found)
