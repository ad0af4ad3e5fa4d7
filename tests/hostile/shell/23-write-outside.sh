# expect: error
for place in / /usr /usr/bin /usr/lib /etc /dev /verify /proc /root /work /var /run /home @TMP@; do
    echo x > $place/poison-@TOKEN@ && echo ESCAPED $place
done 2> /dev/null
for file in /etc/passwd /etc/ld.so.cache /bin/bash /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/sys/vm/drop_caches @CANARY@; do
    echo x >> $file && echo ESCAPED $file
done 2> /dev/null
false
