# expect: ok
touch -- -rf '*' $'a\nb' $'\xff\xfe' ' ' $'\e[31m' "$(printf 'x%.0s' $(seq 255))" '$(touch pwned)' '; rm kept.txt' .hidden
mkdir -p -- '-d/--e' $'\n'
cd $'\n'
