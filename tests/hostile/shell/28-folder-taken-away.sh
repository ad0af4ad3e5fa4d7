# expect: ok
mkdir -p x/y
cd x/y
rm -r /box/x
