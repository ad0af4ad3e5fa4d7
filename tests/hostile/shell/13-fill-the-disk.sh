# expect: error
for i in 1 2 3 4; do head -c 200000000 /dev/zero > big$i; done
head -c 200000000 /dev/zero > /tmp/big
[ $(du -sm /box | cut -f1) -lt 70 ] || echo ESCAPED
false
