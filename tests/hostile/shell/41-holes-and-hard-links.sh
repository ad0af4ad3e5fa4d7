# expect: ok
for n in $(seq 40); do truncate -s 60M hole$n; done
echo content > one
for n in $(seq 200); do ln one link$n; done
