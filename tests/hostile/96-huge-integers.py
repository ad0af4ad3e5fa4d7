# expect: error, timeout, ok
import sys

sys.set_int_max_str_digits(0)
9**300_000
