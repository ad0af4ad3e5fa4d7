# expect: timeout
trap "" TERM INT HUP QUIT PIPE
(trap "" TERM INT HUP; setsid sh -c 'trap "" TERM; while :; do :; done') &
while :; do :; done
