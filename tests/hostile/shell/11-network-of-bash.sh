# expect: error
echo hello > /dev/tcp/127.0.0.1/@TCP@ && echo ESCAPED
echo hello > /dev/udp/127.0.0.1/@UDP@ && echo ESCAPED
false
