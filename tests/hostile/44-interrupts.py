# expect: error KeyboardInterrupt
raise KeyboardInterrupt
