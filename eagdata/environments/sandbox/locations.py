"""What a box sees of the host: the interpreter's own libraries, numpy and sympy, the C libraries. No project folder, no home."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import sysconfig

_SYSTEM = ("/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo")
_LOADER = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
PRELOADED = ("numpy", "sympy")
_PROGRAMS = ("/usr", "/bin", "/sbin", "/etc/alternatives")


def module_path() -> list[str]:
    """`sys.path` of a box: the standard library, this environment's packages, and where numpy and sympy lie if that is elsewhere.

    An entry that an editable install or PYTHONPATH added is left out: it may be the user's project.
    """
    names = sysconfig.get_paths()
    found = [names["stdlib"], os.path.join(names["platstdlib"], "lib-dynload"), sysconfig.get_config_var("DESTSHARED") or ""]
    found += [names["purelib"], names["platlib"], *(_home(name) for name in (*PRELOADED, "mpmath"))]
    return list(dict.fromkeys(path for path in found if path and os.path.isdir(path)))


def _home(name: str) -> str:
    spec = importlib.util.find_spec(name)
    return os.path.dirname(os.path.dirname(spec.origin)) if spec and spec.origin else ""


def readable() -> list[str]:
    """Paths that a box may read, existing or not."""
    own = [os.path.join(prefix, "lib") for prefix in {sys.base_prefix, sys.base_exec_prefix, sys.prefix}]
    linked = [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path.startswith("/")]
    return list(dict.fromkeys([*_SYSTEM, *_LOADER, *own, *linked, *module_path()]))


def programs() -> list[str]:
    """Paths that commands may read beyond `readable`: the system's programs with their settings, and what of /opt the caller's PATH
    names. Nothing below a home or a project."""
    settings = [f"/etc/{name}" for name in os.listdir("/etc") if name.startswith("java")]  # Debian's JDK links to it
    return [*_PROGRAMS, *settings, *(os.path.dirname(path) for path in _optional())]


def search_path() -> str:
    """PATH of commands."""
    return ":".join(["/usr/local/bin", "/usr/bin", "/bin", *_optional()])


def _optional() -> list[str]:
    return [path for path in os.environ.get("PATH", "").split(":") if re.fullmatch(r"/opt/.+/bin", path) and os.path.isdir(path)]


def environment() -> dict[str, str]:
    """All environment variables of a box: nothing of the host's but where its C libraries lie. One thread for each numeric
    library: more would make results depend on timing, and forks of a threaded process unsafe."""
    found = {
        "HOME": "/box",
        "LC_ALL": "C.UTF-8",
        "MKL_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
    }
    if "LD_LIBRARY_PATH" in os.environ:
        found["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return found
