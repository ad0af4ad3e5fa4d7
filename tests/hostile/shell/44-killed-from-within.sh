# expect: error
# state: any
kill -9 $$
