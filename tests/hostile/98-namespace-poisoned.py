# expect: any
# next: any
# state: any
class Key(str):
    def __hash__(self):
        return 7

    def __eq__(self, other):
        raise SystemExit


space = globals()
space[1] = space[None] = "not names"
space[Key("__builtins__")] = None
space["__builtins__"] = {"print": None}
space["__name__"] = space["__file__"] = 3
