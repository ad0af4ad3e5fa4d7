# expect: error ValueError, ok
9**9999
