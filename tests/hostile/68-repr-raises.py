# expect: error ZeroDivisionError
class Broken:
    def __repr__(self):
        return 1 / 0


Broken()
