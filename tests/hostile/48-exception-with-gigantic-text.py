# expect: error, limit
raise ValueError("v" * (50 << 20))
