# expect: timeout
import time


def stubborn(depth):
    try:
        time.sleep(30)
    finally:
        if depth:
            stubborn(depth - 1)


stubborn(50)
