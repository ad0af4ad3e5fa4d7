# expect: ok, error
class Liar(str):
    def __len__(self):
        return -1

    def __getitem__(self, at):
        raise KeyboardInterrupt

    def __eq__(self, other):
        raise SystemExit

    __hash__ = str.__hash__
    __str__ = __format__ = encode = __iter__ = __getitem__


class Holder:
    def __repr__(self):
        return Liar("lie")


Holder()
