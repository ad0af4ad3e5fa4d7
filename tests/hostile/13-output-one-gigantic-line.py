# expect: ok, error OSError|MemoryError, limit, timeout
import sys

sys.stdout.write("z" * (100 << 20))
