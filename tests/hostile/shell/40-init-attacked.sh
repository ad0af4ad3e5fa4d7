# expect: ok, error
for n in $(seq 0 300); do echo x > /proc/1/fd/$n && echo ESCAPED $n; done 2> /dev/null
for signal in $(seq 1 64); do kill -$signal 1; done 2> /dev/null
echo 1000 > /proc/1/oom_score_adj && echo ESCAPED
renice -n 19 -p 1 > /dev/null 2>&1 && echo ESCAPED
true
