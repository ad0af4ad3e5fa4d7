# expect: ok
nohup sh -c 'while :; do date +%N > alive; sleep 0.05; done' > /dev/null 2>&1 &
setsid sh -c 'while :; do date +%N > alive; sleep 0.05; done' &
disown -a
(trap "" HUP TERM; sleep 60 > /dev/null 2>&1 < /dev/null &)
