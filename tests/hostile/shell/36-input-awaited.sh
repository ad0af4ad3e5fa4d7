# expect: ok, error
read -r line && echo ESCAPED
cat
cat < /dev/tty
python3 -c 'input()'
true
