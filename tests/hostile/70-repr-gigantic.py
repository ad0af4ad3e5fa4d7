# expect: ok, limit, timeout, error MemoryError|OSError
class Gigantic:
    def __repr__(self):
        return "g" * (100 << 20)


Gigantic()
