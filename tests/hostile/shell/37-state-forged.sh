# expect: ok
# state: any
printf '/etc\n\0PATH=/nowhere\0LD_PRELOAD=/box/x\0\0' >&250
head -c 400000 /dev/zero >&250
printf '\0\0\0\0/\n\0=\0==\0\0' >&250
