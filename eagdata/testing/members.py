"""Whether a class has the members that its contract names."""

from __future__ import annotations

from dataclasses import is_dataclass

MEMBERS = {
    "tasks": ("Config", "tasks"),
    "teachers": ("Config", "propose", "sampling", "__aenter__", "__aexit__"),
    "search": ("Config", "start"),
    "environments": ("Config", "instructions", "reset", "__aenter__", "__aexit__"),
    "verifiers": ("Config", "judges", "instructions", "verify", "supported"),
    "tokenizers": ("Config", "count"),
    "curation": ("Config", "decide"),
    "exporters": ("Config", "reads", "documents", "cannot", "rows"),
}


def missing_members(kind: str, cls: type) -> list[str]:
    """Members of the contract that `cls` lacks; `Config (frozen)` if its settings can be changed."""
    missing = [name for name in MEMBERS[kind] if not hasattr(cls, name)]
    config = getattr(cls, "Config", None)
    if config is not None and not (is_dataclass(config) and vars(config)["__dataclass_params__"].frozen):
        missing.append("Config (frozen)")
    return missing
