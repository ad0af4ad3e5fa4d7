# expect: any
# next: any
# A fork may mount one thing, its own folder: here it mounts a file system without any limit elsewhere, and keeps its parent's folder.
import sys

kernel = sys.modules["_box.kernel"]
namespaces = sys.modules["_box.namespaces"]
namespaces.mount_box = lambda disk_mb: kernel.mount("x", "/usr/lib", kind="tmpfs", flags=0, data="size=90%")
sys.modules["_box.folder"].copy = lambda old, new: open("/usr/lib/mounted", "w").close()
