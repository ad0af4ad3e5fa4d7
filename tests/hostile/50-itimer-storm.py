# expect: any
import signal


def burst(*_):
    raise ValueError("storm")


for number, timer in ((signal.SIGALRM, signal.ITIMER_REAL), (signal.SIGVTALRM, signal.ITIMER_VIRTUAL), (signal.SIGPROF, signal.ITIMER_PROF)):
    signal.signal(number, burst)
    signal.setitimer(timer, 0.02, 0.0001)
