# expect: error
mknod mem c 1 1 && echo ESCAPED
mknod disk b 8 0 && echo ESCAPED
for device in /dev/mem /dev/kmem /dev/kmsg /dev/vda /dev/sda /dev/tty /dev/ptmx /dev/fuse /dev/kvm; do
    [ -e $device ] && head -c 1 $device > /dev/null 2>&1 && echo ESCAPED $device
done
false
