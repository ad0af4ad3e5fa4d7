# expect: any
import os
import shutil

here = os.getcwd()
shutil.rmtree(here, ignore_errors=True)
try:
    os.rmdir(here)
except OSError:
    pass
