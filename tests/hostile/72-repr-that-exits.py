# expect: error, limit
class Leaver:
    @property
    def __class__(self):
        raise SystemExit

    def __repr__(self):
        import os

        os._exit(7)


Leaver()
