# expect: ok, error
cat /proc/[0-9]*/environ /proc/[0-9]*/task/*/environ 2>/dev/null | tr '\0' '\n' | grep -a HOSTILE && echo ESCAPED
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -a '[e]agdata/environments' && echo ESCAPED
for name in environ mem maps fd/0 fd/253 fd/255 cwd/x exe root/box ns/pid stack; do
    head -c 1 /proc/1/$name > /dev/null 2>&1 && echo ESCAPED $name
done
ls /proc/1/fd 2> /dev/null | grep -q . && echo ESCAPED fds
true
