# expect: any
import os
import signal

signal.raise_signal(signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGTSTP)
