# expect: ok, error
# state: any
eval() { exit 5; }; builtin() { exit 6; }; printf() { :; }; mapfile() { :; }; pwd() { echo /etc; }; trap() { :; }; exec() { :; }
export -f eval builtin printf mapfile pwd trap exec
export PATH= IFS=/ CDPATH=/etc HOME=/nowhere PS4='$(exit)' TMPDIR=/nowhere POSIXLY_CORRECT=1
