# expect: any
# state: any
exec >&- 2>&- <&-
echo gone
exec 250>&- 251>&-
