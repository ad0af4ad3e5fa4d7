# expect: timeout, limit, error
while True:
    print("x" * 1000)
