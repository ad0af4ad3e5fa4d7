# expect: ok, error
python3 - <<'END'
import os
for n in range(1500):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
END
