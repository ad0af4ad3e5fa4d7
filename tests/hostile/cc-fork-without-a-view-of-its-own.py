# expect: any
# next: any
# A fork that goes on in its parent's folder would change its parent's files.
import sys

sys.modules["_box.namespaces"].new_view = lambda disk_mb: None
sys.modules["_box.folder"].copy = lambda old, new: None
