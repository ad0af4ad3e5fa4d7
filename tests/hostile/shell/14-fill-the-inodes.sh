# expect: error
mkdir many
cd many
python3 -c 'for n in range(100000): open(str(n), "w").close()' && echo ESCAPED
cd ..
rm -r many
false
