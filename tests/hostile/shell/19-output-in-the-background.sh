# expect: any
for i in 1 2 3 4; do yes $i & done
echo begun
