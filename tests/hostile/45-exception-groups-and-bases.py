# expect: error
class Rude(BaseException):
    def __str__(self):
        raise SystemExit(9)

    __repr__ = __str__


Rude.__name__ = "ESC\n" * 1000
raise Rude from Rude()
