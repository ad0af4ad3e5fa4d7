# expect: error SystemExit
import sys

sys.exit(3)
