# expect: any
import sys

for stream in (sys.stdin, sys.stdout, sys.stderr):
    stream.close()
