# expect: any
class Meta(type):
    __name__ = property(lambda cls: ["\ud800", {"deep": [1]}])


class Odd(Exception, metaclass=Meta):
    pass


raise Odd
