# expect: any
# next: any
import builtins

vars(builtins).clear()
