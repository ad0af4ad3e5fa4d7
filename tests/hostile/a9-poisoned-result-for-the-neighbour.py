# expect: any
import os

found = []
for folder in (".", "..", "/tmp", "/dev/shm", "/var/tmp", "/box", "/run"):
    try:
        with open(os.path.join(folder, "poison-@TOKEN@"), "w") as file:
            file.write("poison")
    except OSError:
        pass
print("held")
