# expect: limit, error
python3 - <<'END'
import mmap
with open("/dev/zero", "r+b") as zero:
    parts = []
    for n in range(40):
        part = mmap.mmap(-1, 32 << 20) if n % 2 else mmap.mmap(zero.fileno(), 32 << 20)
        for at in range(0, len(part), 4096):
            part[at] = 1
        part.madvise(mmap.MADV_DONTNEED)
        parts.append(part)
print("ESCAPED")
END
