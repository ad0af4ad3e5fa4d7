# expect: any
import codecs


def wrong(error):
    raise SystemExit


for name in ("strict", "backslashreplace", "replace", "surrogateescape", "ignore"):
    codecs.register_error(name, wrong)
print("held")
