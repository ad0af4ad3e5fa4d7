# expect: ok
ln -s /proc/1/root a; ln -s / b; ln -s /proc/self/fd/255 c; ln -s ../../../..@CANARY@ d; ln -s e e; ln -s f g; ln -s g f
ln -s /proc/sys/kernel/hostname h; ln -s /usr i; ln kept.txt j; mkdir k; ln -s .. k/l; ln -s /proc/self/mem m
cat a@CANARY@ b@CANARY@ d 2> /dev/null && echo ESCAPED
true
