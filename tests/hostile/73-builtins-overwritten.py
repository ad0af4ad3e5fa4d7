# expect: any
import builtins

for name in list(vars(builtins)):
    if name not in ("setattr", "name", "vars", "list"):
        setattr(builtins, name, None)
