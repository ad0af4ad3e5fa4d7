# expect: any
raise type("N" * 900_000, (Exception,), {})
