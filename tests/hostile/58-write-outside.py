# expect: ok, error
import os
import sys
import sysconfig

found = []
folders = ["/etc", "/usr", "/usr/lib", "/bin", "/var", "/proc/sys/kernel", "@TMP@", "@REPO@", "@REPO@/eagdata", sys.prefix, os.path.dirname(os.__file__), sysconfig.get_paths()["purelib"]]
for folder in folders:
    try:
        path = os.path.join(folder, ".hostile-@TOKEN@")
        open(path, "w").close()
        found.append(folder)
        os.unlink(path)
    except OSError:
        pass
for module in (os, sys.modules.get("numpy"), sys.modules.get("sympy")):
    try:
        if module:
            open(module.__file__, "r+").close()
            found.append(module.__file__)
    except OSError:
        pass
print("ESCAPED" if found else "held", found)
