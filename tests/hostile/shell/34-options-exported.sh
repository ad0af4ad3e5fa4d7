# expect: any
# state: any
export SHELLOPTS BASHOPTS
set -e -u -f -x -v -o pipefail -o noclobber
set -n
