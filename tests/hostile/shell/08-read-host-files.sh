# expect: error
cat @CANARY@ @HOME_CANARY@ /etc/shadow /etc/hostname && echo ESCAPED
ls -d /home /root/.??* @REPO@ && echo ESCAPED
[ -e @REPO@/pyproject.toml ] && echo ESCAPED
find /root /home /work /mnt /srv -mindepth 1 2> /dev/null | grep -q . && echo ESCAPED
false
