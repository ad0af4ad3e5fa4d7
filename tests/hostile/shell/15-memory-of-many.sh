# expect: limit
for i in $(seq 20); do python3 -c 'import time; x = b"x" * (40 << 20); time.sleep(60)' & done
wait
