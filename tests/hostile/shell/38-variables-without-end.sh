# expect: any
# state: any
for n in $(seq 30); do export BIG$n=$(head -c 100000 /dev/zero | tr '\0' x); done
