# expect: any
# state: any
globals().clear()
