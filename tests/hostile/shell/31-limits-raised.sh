# expect: ok, error
for kind in c d f l n s u; do
    before=$(ulimit -H$kind)
    [ "$before" = unlimited ] && echo ESCAPED $kind
    ulimit -H$kind $((before + 1)) 2> /dev/null && echo ESCAPED $kind
done
prlimit --pid 1 --nproc=9999 2> /dev/null && echo ESCAPED
[ $(ulimit -u) -le 64 ] || echo ESCAPED
true
