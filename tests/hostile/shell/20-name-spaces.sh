# expect: ok, error
for kind in -U -m -n -p -i -u -C -T -Ur -Urm; do unshare $kind true && echo ESCAPED $kind; done
nsenter -t 1 -a true && echo ESCAPED
mount -t tmpfs none /tmp && echo ESCAPED
mount --bind /usr /tmp && echo ESCAPED
chroot /box /bin/true && echo ESCAPED
umount /proc && echo ESCAPED
true
