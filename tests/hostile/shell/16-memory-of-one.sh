# expect: limit, error
python3 -c 'x = b"x" * (3 << 30); print("ESCAPED")'
