# expect: timeout
while :; do sleep 60 & done
