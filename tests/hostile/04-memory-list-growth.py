# expect: error MemoryError, limit, timeout
grown = [object()]
while len(grown) < 800_000_000:
    grown += grown
print("ESCAPED: 6 GiB of pointers")
