# expect: any
# state: any
mkdir locked; touch locked/file; chmod 000 locked kept.txt /tmp .
