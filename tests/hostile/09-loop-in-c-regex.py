# expect: timeout
import re

re.match(r"(a|a)*$|(a+)+$", "a" * 60 + "b")
