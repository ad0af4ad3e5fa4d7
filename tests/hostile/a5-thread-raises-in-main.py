# expect: any
# next: any
import ctypes
import threading
import time

main = threading.main_thread().ident


def pester():
    for _ in range(2000):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main), ctypes.py_object(SystemExit))
        time.sleep(0.001)


try:
    threading.Thread(target=pester, daemon=True).start()
except RuntimeError:
    pass
