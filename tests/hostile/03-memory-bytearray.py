# expect: error MemoryError, limit, timeout
blocks = []
for _ in range(96):
    block = bytearray(64 << 20)
    block[::4096] = b"\x01" * (len(block) // 4096)
    blocks.append(block)
print("ESCAPED: 6 GiB touched")
