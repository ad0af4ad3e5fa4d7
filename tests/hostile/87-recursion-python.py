# expect: error RecursionError
def down():
    down()


down()
