# expect: any
import builtins


class Rude:
    def __eq__(self, other):
        raise SystemExit

    __ne__ = __bool__ = __eq__
    __hash__ = None


builtins.abs = builtins.rude = Rude()
