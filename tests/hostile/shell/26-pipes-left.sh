# expect: ok
mkfifo one "two three"; mkdir d; mkfifo d/four
(exec 3<> one; sleep 60) &
(cat < one > /dev/null) &
true
