# expect: error
yes
