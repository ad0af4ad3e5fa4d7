"""What the two boxes of a judgement speak, and the code that runs in them: this text is sent into each, so it imports no eagdata.

    tests' box (`Tests`)     runs set-up and asserts, and never a line of the program. Names of the program are `Stub`s there: the use of
                             one stops the tests with an operation, and they run again from the start once its reply is known.
    program's box (`Owner`)  performs operations on the program and its objects. Whatever it replies is data, true or not.

Values travel as JSON in base64. Scalars stand for themselves, all else is `[tag, content]`. Types are taken exactly: a subclass, with
methods of its own, is no number, text or list. What is no plain data stays in its box; the tests get a `Stub` that never compares
equal to anything but itself.
"""

from __future__ import annotations

import ast
import base64
import builtins
import collections
import json
import marshal
import operator
import random
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any  # the values of programs

_MOST_OPERATIONS = 2000
"""Of one judgement: the tests run again for each, so their time grows with the square."""
PART = 100_000
"""Characters that a box says at once; what is longer is fetched part by part."""
_MOST_BITS = 10_000
"""Longer integers travel in hexadecimal: Python reads and writes at most 4300 decimal digits."""

_SEQUENCES = (list, tuple, set, frozenset, collections.deque)
_MAPPINGS: dict[type, Callable[[Any], Any]] = {
    dict: dict,
    collections.OrderedDict: collections.OrderedDict,
    collections.Counter: lambda pairs: collections.Counter(dict(pairs)),
    collections.defaultdict: lambda pairs: collections.defaultdict(None, pairs),
}
_SCALARS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    int: (hex, lambda text: int(text, 16)),
    bytes: (bytes.hex, bytes.fromhex),
    bytearray: (bytearray.hex, bytearray.fromhex),
    complex: (lambda value: [value.real, value.imag], lambda pair: complex(*pair)),
}
_TYPES: dict[str, type] = {kind.__name__: kind for kind in (*_SEQUENCES, *_MAPPINGS, *_SCALARS)}
_OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": lambda function, *args, **kwargs: function(*args, **kwargs),
    "get": getattr,
    "set": setattr,
    "item": operator.getitem,
    "list": list,
    "len": len,
    "str": str,
    "bool": bool,
}


def encode(value: Any, other: Callable[[Any], Any]) -> Any:
    """`value` as JSON; `other` encodes what is no plain data. Raises: RecursionError for a value that holds itself."""
    kind = type(value)
    if value is None or kind in (bool, float, str) or (kind is int and value.bit_length() < _MOST_BITS):
        return value
    if kind in _SEQUENCES:
        return [kind.__name__, [encode(item, other) for item in value]]
    if kind in _MAPPINGS:
        return [kind.__name__, [[encode(key, other), encode(item, other)] for key, item in value.items()]]
    return [kind.__name__, _SCALARS[kind][0](value)] if kind in _SCALARS else other(value)


def decode(value: Any, other: Callable[[str, Any], Any]) -> Any:
    """The value again; `other` makes something of an unknown tag. Raises: whatever comes of JSON that `encode` did not write."""
    if type(value) is not list:
        return value
    name, content = value
    kind = _TYPES.get(name)
    if kind in _SEQUENCES:
        return kind(decode(item, other) for item in content)
    if kind in _MAPPINGS:
        return _MAPPINGS[kind]([(decode(key, other), decode(item, other)) for key, item in content])
    return _SCALARS[kind][1](content) if kind is not None else other(name, content)


def pack(value: Any) -> str:
    """JSON in base64, which no layer on the way has to escape."""
    return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


def unpack(text: str) -> Any:
    """The JSON again. Raises: ValueError, RecursionError."""
    return json.loads(base64.b64decode(text, validate=True))


class Speaker:
    """Says texts of any length, in parts."""

    _said = ""

    def part(self, start: int) -> str:
        """At most `PART` characters of what was said last."""
        return self._said[start : start + PART]

    def _say(self, text: str) -> str:
        self._said = text
        return self.part(0)


class Owner(Speaker):
    """In the program's box: performs operations. Made before the program runs."""

    def __init__(self) -> None:
        self._names = sys.modules["__main__"].__dict__
        self._kept: list[Any] = []

    def perform(self, text: str) -> str:
        """The packed reply to a packed operation: what it gave and which arguments it changed, or what it raised.

        An exit goes through, and shows as the end of the action.
        """
        try:
            name, args, kwargs = (decode(part, self._receive) for part in unpack(text))
            before = [json.dumps(encode(arg, self._send)) for arg in args]
            given = _OPERATIONS[name](*args, **kwargs)
            after = [encode(arg, self._send) for arg in args]
            changed = [[place, now] for place, (now, then) in enumerate(zip(after, before, strict=True)) if json.dumps(now) != then]
            reply = ["gave", encode(given, self._send), changed]
        except Exception as error:
            reply = ["raised", [kind.__name__ for kind in type(error).__mro__], encode(error.args, lambda value: str(value)[:300])]
        return self._say(pack(reply))

    def _send(self, value: Any) -> Any:
        if getattr(value, "shape", None) == ():  # a number of a numeric library
            return encode(value.item(), self._keep)
        return self._keep(value)

    def _keep(self, value: Any) -> Any:
        place = next((place for place, known in enumerate(self._kept) if known is value), len(self._kept))
        self._kept[place:] = self._kept[place:] or [value]
        return ["object", place]

    def _receive(self, tag: str, content: Any) -> Any:
        if tag == "object":
            return self._kept[content]
        if tag == "name":
            return self._named(content)
        if tag == "code":
            return types.FunctionType(marshal.loads(bytes.fromhex(content[0])), self._names, "f", decode(content[1], self._receive))
        module, name = content  # tag "known"
        return operator.attrgetter(name)(__import__(module, fromlist=[name]))

    def _named(self, name: str) -> Any:
        """A global of the program, or a method of its class `Solution`, as some sites want it."""
        if name not in self._names and "Solution" in self._names and hasattr(self._names["Solution"], name):
            return getattr(self._names["Solution"](), name)
        if name not in self._names:
            raise NameError(f"name {name!r} is not defined")
        return self._names[name]


class _Stop(BaseException):
    """Ends one pass over the tests."""


class Stub:
    """Something of the program, as the tests see it: a use of it is an operation in the program's box. It is never asked to compare
    itself: an object's own `__eq__` says what its program wants."""

    def __init__(self, tests: Tests, token: list[Any]) -> None:
        self.__dict__.update(_tests=tests, _token=token)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._tests.ask("call", (self, *args), kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._tests.ask("get", (self, name))

    def __setattr__(self, name: str, value: Any) -> None:
        self._tests.ask("set", (self, name, value))

    def __getitem__(self, key: Any) -> Any:
        return self._tests.ask("item", (self, key))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._tests.ask("list", (self,)))

    def __len__(self) -> Any:
        return self._tests.ask("len", (self,))

    def __str__(self) -> Any:
        return self._tests.ask("str", (self,))

    def __bool__(self) -> Any:
        return self._tests.ask("bool", (self,))

    def __repr__(self) -> str:
        return "<an object of the program>"


class Tests(Speaker):
    """In the tests' box: set-up and tests, and what the program has replied so far."""

    __test__ = False  # no test class, whatever pytest thinks

    def __init__(self, text: str) -> None:
        """`text`: packed `setup` (code), `tests` (code), `entry_point` (name of the function under test, or null)."""
        found = unpack(text)
        self._log: list[tuple[str, Any]] = []
        self._asked: str | None = None
        self._broken: str | None = None
        self._lines: dict[int, str] = {}
        try:
            tree, setup = ast.parse(found["tests"], "<tests>"), ast.parse(found["setup"], "<setup>")
            self._names, self._modules = _outside_names(setup, tree, found["entry_point"])
            self._lines = _number(tree)
            self._setup, self._code = compile(setup, "<setup>", "exec"), compile(ast.fix_missing_locations(tree), "<tests>", "exec")
        except (SyntaxError, ValueError, RecursionError) as error:
            self._broken = f"{type(error).__name__}: {error}"
        if not self._lines:
            self._broken = self._broken or "there is no assert"

    def run(self, reply: str | None = None) -> str:
        """One pass, knowing the reply to what was asked last: `ask ` and a packed operation, or `end ` and packed findings."""
        self._position, self._seen, self._stubs = 0, list[int](), dict[int, Stub]()
        failure = None
        try:
            if reply is not None and self._asked is not None:
                known = unpack(reply)
                self._read(known)
                self._log.append((self._asked, known))
        except Exception as error:
            failure = f"the program's box gave no value: {type(error).__name__}: {error}"
        self._asked = None
        if failure is None and self._broken is None:
            failure = self._pass()
        if self._asked is not None and self._broken is None:
            return self._say(f"ask {self._asked}")
        last = self._seen[-1] if self._seen else None
        findings = {"broken": self._broken, "failure": failure, "last": last, "seen": sorted(set(self._seen)), "lines": self._lines}
        return self._say(f"end {pack(findings)}")

    def ask(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """What the program replied to this operation. Raises: what it raised; Stop if that is not known yet."""
        if self._asked is not None or self._broken is not None:
            raise _Stop
        try:
            operation = pack([name, encode(args, self._send), encode(kwargs or {}, self._send)])
        except (TypeError, ValueError, RecursionError) as error:
            self._broken = f"an argument cannot be sent: {error}"
            raise _Stop from None
        if self._position == len(self._log):
            self._asked = operation
            self._broken = f"more than {_MOST_OPERATIONS} operations" if len(self._log) == _MOST_OPERATIONS else None
            raise _Stop
        asked, reply = self._log[self._position]
        self._position += 1
        if asked != operation:
            self._broken = "the tests differ from one pass to the next"
            raise _Stop
        given, changed = self._read(reply)
        for place, value in changed:
            _update(args[place], value)
        if isinstance(given, _Raised):
            raise given.error
        return given

    def _pass(self) -> str | None:
        """What the tests raised. Random numbers are the same in each pass."""
        random.seed(0)
        stubs = {name: Stub(self, ["name", name]) for name in self._names}
        space: dict[str, Any] = {"__name__": "tests", **{name: __import__(name) for name in self._modules}, **stubs}
        try:
            exec(self._setup, space)
            space.update(stubs, _reached=self._seen.append)
            exec(self._code, space)
        except BaseException as error:
            failure = f"{type(error).__name__}: {str(error)[:300]}"
            if not self._log and not self._seen and self._asked is None and self._broken is None:
                self._broken = f"{failure}, before the first test"
            return failure
        return None

    def _read(self, reply: Any) -> tuple[Any, list[tuple[int, Any]]]:
        """The value of a reply, and the changed arguments. Raises: whatever comes of a reply that is none."""
        kind, value, more = reply
        if kind == "raised":
            return _Raised(_exception([str(name) for name in value], decode(more, self._stub))), []
        return decode(value, self._stub), [(int(place), decode(now, self._stub)) for place, now in more]

    def _stub(self, tag: str, content: Any) -> Stub:
        if tag != "object" or type(content) is not int:
            raise ValueError(f"a value of kind {tag!r}")
        return self._stubs.setdefault(content, Stub(self, ["object", content]))

    def _send(self, value: Any) -> Any:
        """What is no plain data and can be sent all the same: things of the program, functions that need nothing around them."""
        if type(value) is Stub:
            return value.__dict__["_token"]
        if type(value) is types.FunctionType and not value.__closure__ and not value.__kwdefaults__:
            return ["code", [marshal.dumps(value.__code__).hex(), encode(value.__defaults__, self._send)]]
        place = [getattr(value, "__module__", None), getattr(value, "__qualname__", None)]
        if isinstance(value, type | types.BuiltinFunctionType) and place[0] in sys.stdlib_module_names:
            return ["known", place]
        raise TypeError(f"{type(value).__name__} is no plain data")


class _Raised:
    def __init__(self, error: Exception) -> None:
        self.error = error


def _exception(names: list[str], args: tuple[Any, ...]) -> Exception:
    """An exception of the first builtin class among `names`, which are those of its class and its bases."""
    kinds = (vars(builtins).get(name) for name in names)
    base = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)), Exception)
    return base(*args) if base.__name__ == names[0] else type(names[0], (base,), {})(*args)


def _update(old: Any, new: Any) -> Any:
    """`old`, changed in place to be like `new` where it can be, inner lists and dicts too; else `new`."""
    if type(old) is not type(new):
        return new
    if isinstance(old, list):
        old[:] = [_update(then, now) for then, now in zip(old, new, strict=False)] + new[len(old) :]
        return old
    if isinstance(old, dict):
        now = {key: _update(old[key], value) if key in old else value for key, value in new.items()}
    elif isinstance(old, set | bytearray | collections.deque):
        now = new
    else:
        return new
    old.clear()
    (old.update if isinstance(old, dict | set) else old.extend)(now)
    return old


def _outside_names(setup: ast.Module, tests: ast.Module, entry_point: str | None) -> tuple[set[str], set[str]]:
    """Names that the program must give, and modules of the standard library that the tests use without importing them.

    Without an entry point, the program gives all that is used and is defined nowhere else, modules aside. Tests of a function that is
    called as a builtin is (`sum`) may call no other builtin. Raises: ValueError if no function is under test.
    """
    nodes = [*ast.walk(setup), *ast.walk(tests)]
    used = {node.id for node in nodes if isinstance(node, ast.Name)} - _bound(nodes)
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    free = used - set(vars(builtins))
    if entry_point is not None:
        return {entry_point}, (free - {entry_point}) & sys.stdlib_module_names
    modules = (free - called) & sys.stdlib_module_names
    names = free - modules or called & used
    if not names or (not free - modules and len(names) > 1):
        raise ValueError("the tests do not say which function they test; give its name as entry_point")
    return names, modules


def _bound(nodes: list[ast.AST]) -> set[str]:
    """Names that the code itself gives a meaning to, in whatever scope."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
    return found


class _Numbering(ast.NodeTransformer):
    def __init__(self) -> None:
        self.lines: dict[int, str] = {}

    def visit_Assert(self, node: ast.Assert) -> Any:
        if isinstance(node.test, ast.Constant) and not node.test.value:
            return node  # the way of a test to say that this line must not be reached
        number = len(self.lines) + 1
        self.lines[number] = ast.unparse(node)
        reached = ast.Call(ast.Name("_reached", ast.Load()), [ast.Constant(number)], [])
        return [ast.copy_location(ast.Expr(reached), node), node]


def _number(tree: ast.Module) -> dict[int, str]:
    """Let each assert of `tree` say that it was reached; gives their texts by number."""
    numbering = _Numbering()
    numbering.visit(tree)
    return numbering.lines
