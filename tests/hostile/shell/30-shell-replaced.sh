# expect: ok
# state: any
exec python3 -c 'print("replaced")'
