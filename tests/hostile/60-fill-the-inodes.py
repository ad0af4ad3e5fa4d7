# expect: any
made = 0
try:
    for made in range(100_000):
        open(f"inode-{made}", "w").close()
except OSError:
    pass
print("ESCAPED" if made == 99_999 else "held", made)
