# expect: any
# next: any
import os


class Last:
    def __del__(self):
        os._exit(1)


last = Last()
cycle = [Last()]
cycle.append(cycle)
del cycle
