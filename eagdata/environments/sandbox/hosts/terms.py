"""Reader of the commands and terms of the `smt` environment: a strict part of SMT-LIB 2.

Source: The SMT-LIB Standard 2.7, sections 3.1 (lexicon), 3.6 (terms), 3.9 (commands); theories Core, Ints, Reals, Reals_Ints.
Of a text nothing reaches Z3 but what was read here and is written anew by `written`: no string, no quoted symbol, no attribute, no option.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

MAX_CHARS = 20_000
_MAX_DEPTH = 60
_MAX_DIGITS = 100
_TOKEN = re.compile(r"\s+|;[^\n]*|([()]|[^\s();]+)")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.!?]*")
_RULES: dict[str, tuple[int, int | None, str, str]] = {
    "not": (1, 1, "Bool", "Bool"),
    **dict.fromkeys(("and", "or"), (1, None, "Bool", "Bool")),
    **dict.fromkeys(("xor", "=>"), (2, None, "Bool", "Bool")),
    **dict.fromkeys(("=", "distinct"), (2, None, "one sort", "Bool")),
    **dict.fromkeys(("<", "<=", ">", ">="), (2, None, "numbers", "Bool")),
    "-": (1, None, "numbers", ""),
    **dict.fromkeys(("+", "*"), (2, None, "numbers", "")),
    "/": (2, None, "numbers", "Real"),
    **dict.fromkeys(("div", "mod"), (2, 2, "Int", "Int")),
    "abs": (1, 1, "Int", "Int"),
    "to_real": (1, 1, "Int", "Real"),
    "to_int": (1, 1, "Real", "Int"),
    "is_int": (1, 1, "Real", "Bool"),
}
"""Operator -> fewest and most arguments, what they must be, sort of the whole (none: that of the arguments)."""
_WORDS = frozenset(_RULES) | {"ite", "forall", "exists", "let", "true", "false", "Int", "Real", "Bool"}

Term = str | list["Term"]


class Malformed(Exception):
    """The text is not of the language."""


def read(text: str) -> list[Term]:
    """The expressions of a text, each an atom or a list. Raises: Malformed."""
    if len(text) > MAX_CHARS:
        raise Malformed(f"{len(text)} characters; at most {MAX_CHARS} are read")
    open_lists: list[list[Term]] = [[]]
    for token in (found[1] for found in _TOKEN.finditer(text) if found[1]):
        if token == "(":
            open_lists.append([])
            if len(open_lists) > _MAX_DEPTH:
                raise Malformed(f"more than {_MAX_DEPTH - 1} parentheses are open at once")
        elif token != ")":
            open_lists[-1].append(token)
        elif len(open_lists) == 1:
            raise Malformed("a closing parenthesis has no opening one")
        else:
            open_lists[-2].append(open_lists.pop())
    if len(open_lists) > 1:
        raise Malformed(f"{len(open_lists) - 1} closing parentheses are missing at the end")
    return open_lists[0]


def written(term: Term) -> str:
    """The one spelling of a term."""
    return term if isinstance(term, str) else f"({' '.join(written(part) for part in term)})"


def as_name(term: Term) -> str:
    """The term as a new name. Raises: Malformed if it cannot be one."""
    if not isinstance(term, str) or not _NAME.fullmatch(term) or term in _WORDS:
        raise Malformed(f"{written(term)} cannot be a name: letters, digits and _ . ! ? after a letter, and no word of the language")
    return term


def pairs(terms: Sequence[Term]) -> list[tuple[Term, Term]]:
    """The terms as lists of two. Raises: Malformed if one is not."""
    for term in terms:
        if not isinstance(term, list) or len(term) != 2:
            raise Malformed(f"{written(term)} must be a list of two")
    return [(term[0], term[1]) for term in terms]


class Names:
    """The sorts and symbols that terms may speak of."""

    def __init__(self) -> None:
        self.sorts = {"Int", "Real", "Bool"}
        self.symbols: dict[str, tuple[tuple[str, ...], str]] = {}
        """Sorts of the arguments and of the result, in the order of declaration."""

    def declare(self, name: Term, arguments: Sequence[Term], result: Term) -> None:
        """Raises: Malformed for a name that is taken or an unknown sort."""
        known = as_name(name)
        if known in self.symbols:
            raise Malformed(f"{known} is declared twice")
        self.symbols[known] = tuple(self.sort(each) for each in arguments), self.sort(result)

    def sort(self, term: Term) -> str:
        """Raises: Malformed for an unknown sort."""
        if isinstance(term, str) and term in self.sorts:
            return term
        raise Malformed(f"there is no sort {written(term)}; sorts are {', '.join(sorted(self.sorts))}")

    def check(self, term: Term, *, sort: str = "Bool", bound: Mapping[str, str] | None = None) -> str:
        """`term`, written anew, if it is a well-sorted term of `sort` over known symbols and the `bound` ones. Raises: Malformed."""
        found = self._sort_of(term, bound or {})
        if not _fits(found, sort):
            raise Malformed(f"{written(term)} is of sort {found}, and {sort} is needed")
        return written(term)

    def _sort_of(self, term: Term, bound: Mapping[str, str]) -> str:
        if isinstance(term, str):
            return self._sort_of_atom(term, bound)
        head = term[0] if term else ""
        if head in ("forall", "exists", "let"):
            return self._sort_of_binder(term, bound)
        sorts = [self._sort_of(part, bound) for part in term[1:]]
        if head == "ite" and len(sorts) == 3 and sorts[0] == "Bool":
            return _joined(term, sorts[1:])
        if isinstance(head, str) and head in _RULES:
            return _sort_of_operation(term, head, sorts)
        arguments, result = self.symbols.get(head, ((), "")) if isinstance(head, str) else ((), "")
        if not arguments:
            raise Malformed(f"{written(term)} begins with no function or connective")
        if len(arguments) != len(sorts) or not all(map(_fits, sorts, arguments)):
            raise Malformed(f"{written(term)}: {head} takes {' '.join(arguments)}, and got {' '.join(sorts)}")
        return result

    def _sort_of_atom(self, atom: str, bound: Mapping[str, str]) -> str:
        if _NUMBER.fullmatch(atom):
            if len(atom) > _MAX_DIGITS:
                raise Malformed(f"a number of {len(atom)} digits; at most {_MAX_DIGITS} are read")
            return "Real" if "." in atom else "Int"
        if atom in ("true", "false"):
            return "Bool"
        arguments, sort = ((), bound[atom]) if atom in bound else self.symbols.get(atom, ((), ""))
        if not sort or arguments:
            hint = f"; write (- {atom[1:]})" if atom[0] == "-" and _NUMBER.fullmatch(atom[1:]) else ""
            raise Malformed(f"there is no constant or variable {atom}{hint}")
        return sort

    def _sort_of_binder(self, term: list[Term], bound: Mapping[str, str]) -> str:
        """`(forall ((x Int)) body)`, `(exists ...)`, `(let ((x term)) body)`."""
        if len(term) != 3 or not isinstance(term[1], list) or not term[1]:
            raise Malformed(f"{written(term)}: write ({written(term[0])} ((name ...) ...) body)")
        by_value = term[0] == "let"
        found = {as_name(name): self._sort_of(part, bound) if by_value else self.sort(part) for name, part in pairs(term[1])}
        sort = self._sort_of(term[2], {**bound, **found})
        if not by_value and sort != "Bool":
            raise Malformed(f"{written(term[2])} is of sort {sort}, and Bool is needed")
        return sort


def _fits(found: str, wanted: str) -> bool:
    """Whole numbers are taken for real ones, as Z3 does."""
    return found == wanted or (found == "Int" and wanted == "Real")


def _joined(term: Term, sorts: Sequence[str]) -> str:
    """The one sort of several terms. Raises: Malformed."""
    if len(set(sorts)) == 1:
        return sorts[0]
    if set(sorts) == {"Int", "Real"}:
        return "Real"
    raise Malformed(f"{written(term)} mixes {' and '.join(sorted(set(sorts)))}")


def _sort_of_operation(term: Term, head: str, sorts: Sequence[str]) -> str:
    fewest, most, wanted, result = _RULES[head]
    if len(sorts) < fewest or (most is not None and len(sorts) > most):
        raise Malformed(f"{written(term)}: {head} takes {fewest}{' or more' if most is None else ''} arguments, and got {len(sorts)}")
    if wanted == "one sort":
        _joined(term, sorts)
    elif wanted == "numbers":
        if not set(sorts) <= {"Int", "Real"}:
            raise Malformed(f"{written(term)}: {head} takes numbers, and got {' '.join(sorts)}")
    elif not all(_fits(sort, wanted) for sort in sorts):
        raise Malformed(f"{written(term)}: {head} takes {wanted}, and got {' '.join(sorts)}")
    return result or _joined(term, sorts)
