# expect: error
cat /proc/1/root@CANARY@ /proc/self/root@CANARY@ /proc/$PPID/root@CANARY@ /proc/1/cwd/../..@CANARY@ && echo ESCAPED
cd /proc/self/root/../../..; cat .@CANARY@ && echo ESCAPED
false
