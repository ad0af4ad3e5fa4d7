"""Mistakes of the hand, which any code can have: a bracket, a colon, an import, a letter, a method of another language."""

from __future__ import annotations

import ast
import re
from random import Random

FOREIGN = {"append": "push", "lower": "toLowerCase", "split": "explode", "items": "entries", "join": "concat", "isalpha": "isLetter"}
"""Method -> what people write who come from another language."""

_IMPORT = re.compile(r"^(?:import|from) .*\n", re.MULTILINE)
_HEADER = re.compile(r"^( *(?:for|if|def|while|with|else)\b.*):$", re.MULTILINE)


def mechanical(code: str, rng: Random) -> str | None:
    """`code` with one mistake of the hand that raises when it is run; None if it gives no room for one."""
    ways = [_unclosed, _no_colon, _not_imported, _misspelt, _foreign]
    rng.shuffle(ways)
    for way in ways:
        slipped = way(code, rng)
        if slipped is not None and slipped != code:
            return slipped
    return None


def misread(code: str, rng: Random) -> str | None:
    """`code` with one number copied wrongly: a digit off by one, or two digits swapped. Nothing later can notice it."""
    places = list(re.finditer(r"(?<![\w.\\])\d+(?![\w.])", code))
    if not places:
        return None
    place = rng.choice(places)
    number = place.group()
    swapped = number[:-2] + number[-1] + number[-2] if len(number) > 1 else number
    wrong = swapped if swapped != number and swapped[0] != "0" and rng.random() < 0.5 else str(int(number) + 1)
    return code[: place.start()] + wrong + code[place.end() :]


def _unclosed(code: str, rng: Random) -> str | None:
    return code[:-1] if code.endswith(")") else None


def _no_colon(code: str, rng: Random) -> str | None:
    headers = list(_HEADER.finditer(code))
    if not headers:
        return None
    chosen = rng.choice(headers)
    return code[: chosen.end() - 1] + code[chosen.end() :]


def _not_imported(code: str, rng: Random) -> str | None:
    imports = list(_IMPORT.finditer(code))
    return code.replace(rng.choice(imports).group(), "", 1).lstrip("\n") if imports else None


def _foreign(code: str, rng: Random) -> str | None:
    known = [name for name in FOREIGN if f".{name}(" in code]
    if not known:
        return None
    name = rng.choice(known)
    return code.replace(f".{name}(", f".{FOREIGN[name]}(", 1)


def _misspelt(code: str, rng: Random) -> str | None:
    """One use of a name with two letters swapped. Only uses that are sure to run: not in functions, branches or f-strings."""
    uses = [use for statement in ast.parse(code).body for use in _sure_uses(statement)]
    if not uses:
        return None
    use = rng.choice(uses)
    at = rng.randrange(1, len(use.id) - 1)
    typo = use.id[:at] + use.id[at + 1] + use.id[at] + use.id[at + 2 :]
    lines = code.split("\n")
    line = lines[use.lineno - 1].encode()
    lines[use.lineno - 1] = (line[: use.col_offset] + typo.encode() + line[use.col_offset + len(use.id) :]).decode()
    return "\n".join(lines) if typo != use.id else None


def _sure_uses(node: ast.AST) -> list[ast.Name]:
    """Loads of names of four letters and more, outside of what may not run and of f-strings (their columns are wrong before 3.12)."""
    if isinstance(node, ast.FunctionDef | ast.Lambda | ast.If | ast.IfExp | ast.JoinedStr | ast.Assert):
        return []
    own = [node] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and len(node.id) >= 4 else []
    return own + [use for child in ast.iter_child_nodes(node) for use in _sure_uses(child)]
