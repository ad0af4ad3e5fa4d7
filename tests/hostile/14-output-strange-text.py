# expect: ok, error UnicodeEncodeError
import os

print("\ud800 lone \x00 nul \x1b[2J\x1b]0;title\x07 escapes \u202e")
os.write(1, b"\xff\xfe\x80 not utf-8\n")
"\udfff\x00\x1b[31m"
