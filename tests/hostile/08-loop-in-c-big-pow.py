# expect: timeout
big = 7 ** (10**8)
