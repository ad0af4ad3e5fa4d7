# expect: any
class Surrogate:
    def __repr__(self):
        return "\ud800\x00"


Surrogate()
