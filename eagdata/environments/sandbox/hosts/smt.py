"""Runs in the box: a derivation whose every step Z3 has proved from premises in force.

Each question to Z3 is put to a fresh context and written out whole, so that an answer depends on nothing but its own text: forks and
replays agree. Z3 is bounded by its own count of work (`rlimit`), and its simple solver is used: the default one measures time in
threads, and a process with threads cannot be forked (seen with z3 5.4.0 on `(= (* r r) 2)`).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from .terms import Malformed, Names, Term, as_name, pairs, read, written

_PAGE_CHARS = 400


class Refuted(Exception):
    """The claim does not follow: there is a case where the premises hold and it does not."""


class Undecided(Exception):
    """Z3 could not decide within its limit."""


class Vacuous(Exception):
    """The premises contradict each other, so that anything would follow."""


@dataclass(frozen=True)
class Outcome:
    """What Z3 said of a set of formulas: sat, unsat, unknown; and a model if it gave one."""

    status: str
    model: str = ""


@dataclass
class Scope:
    """What holds under one supposition, or, in the outermost one, always."""

    supposed: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    last: str = ""
    """What was proved last."""


class Derivation:
    """The theory of a task, and what was derived in it so far."""

    def __init__(self, *, rlimit: int, max_premises: int | None) -> None:
        self._rlimit, self._max_premises = rlimit, max_premises
        self._names = Names()
        self._preamble: list[str] = []
        self._assumptions: dict[str, str] = {}
        self._free: list[str] = []
        """Symbols that a counter-model gives values to."""
        self._scopes = [Scope()]
        self._accepted: list[str] = []

    def execute(self, kind: str, text: str) -> str | None:
        """`smt`: commands, in order. For verifiers: `derivation` gives the accepted commands from a place on, `settle` judges a goal."""
        if kind == "derivation":
            return json.dumps({"commands": "\n".join(self._accepted)[int(text) :][:_PAGE_CHARS]})
        if kind == "settle":
            return self._settle(text)
        for command in read(text):
            self._run(command)
            self._accepted.append(written(command))
        return None

    def declare(self, theory: str) -> None:
        """Take in the task's theory. Raises: Malformed; Vacuous if it contradicts itself."""
        for command in read(theory):
            match command:
                case ["assume", term]:
                    self._assume(f"a{len(self._assumptions) + 1}", term)
                case ["assume", name, term]:
                    self._assume(as_name(name), term)
                case _:
                    self._preamble.append(self._declared(command))
        if self._ask([*self._assumptions.values()]).status == "unsat":
            raise Vacuous("the assumptions contradict each other")

    def _assume(self, name: str, term: Term) -> None:
        self._assumptions[self._new(name)] = self._names.check(term)

    def _declared(self, command: Term) -> str:
        """A declaration, for Z3. Raises: Malformed."""
        names = self._names
        match command:
            case ["declare-sort", name] | ["declare-sort", name, "0"]:
                names.sorts.add(as_name(name))
                return f"(declare-sort {name} 0)"
            case ["declare-datatype", name, [[_], *_] as values]:
                names.sorts.add(as_name(name))
                for value in values:
                    names.declare(value[0] if isinstance(value, list) and len(value) == 1 else value, (), name)
            case ["declare-const", name, sort]:
                names.declare(name, (), sort)
                self._free.append(written(name))
            case ["declare-fun", name, [*sorts], sort]:
                names.declare(name, sorts, sort)
                self._free.append(written(name))
            case ["define-fun", name, [*parameters], sort, body]:
                bound = {as_name(parameter): names.sort(each) for parameter, each in pairs(parameters)}
                names.check(body, sort=names.sort(sort), bound=bound)
                names.declare(name, [*bound.values()], sort)
            case _:
                raise Malformed(f"{written(command)} is no declaration, definition or assumption")
        return written(command)

    def _run(self, command: Term) -> None:
        match command:
            case ["step", name, term]:
                self._step(self._new(as_name(name)), term, list(self._facts()))
            case ["step", name, term, ":from", [*premises]]:
                self._step(self._new(as_name(name)), term, [written(premise) for premise in premises])
            case ["suppose", name, term]:
                supposed = self._names.check(term)
                self._scopes.append(Scope(supposed=supposed, facts={self._new(as_name(name)): supposed}))
                _say(f"{name}: supposed")
            case ["discharge", name]:
                self._discharge(self._new(as_name(name)))
            case ["show"]:
                _say("\n".join([*self._preamble, *(f"{name}: {fact}" for name, fact in self._facts().items())]))
            case _:
                raise Malformed(f"{written(command)} is no command: there are step, suppose, discharge and show")

    def _step(self, name: str, term: Term, premises: list[str]) -> None:
        """Raises: Malformed, Refuted, Undecided, Vacuous."""
        claim, facts = self._names.check(term), self._facts()
        if unknown := [premise for premise in premises if premise not in facts]:
            raise Malformed(f"{name}: nothing in force is named {unknown[0]}; there are {', '.join(facts) or 'no premises'}")
        if self._max_premises is not None and len(premises) > self._max_premises:
            raise Malformed(f"{name}: {len(premises)} premises; name at most {self._max_premises}, as in :from (a1 s2)")
        chosen = [facts[premise] for premise in premises]
        outcome = self._ask([*chosen, f"(not {claim})"])
        if outcome.status == "sat":
            raise Refuted(f"{name} does not follow. The premises hold and it does not where {outcome.model}")
        if outcome.status == "unknown":
            raise Undecided(f"{name} was neither proved nor refuted within the limit; take a smaller step or name fewer premises")
        consistent = self._ask(chosen).status
        if consistent == "unsat" and (claim != "false" or len(self._scopes) == 1):
            raise Vacuous(f"{name}: its premises contradict each other, so that anything follows; under a supposition, prove false")
        scope = self._scopes[-1]
        scope.facts[name] = scope.last = claim
        _say(f"{name}: proved" + (" (that its premises can all hold was not decided)" if consistent == "unknown" else ""))

    def _discharge(self, name: str) -> None:
        """Close the innermost supposition: it implies what was proved last under it. Raises: Malformed."""
        scope = self._scopes[-1]
        if not scope.supposed or not scope.last:
            raise Malformed("nothing was proved under the supposition" if scope.supposed else "nothing is supposed")
        self._scopes.pop()
        claim = f"(=> {scope.supposed} {scope.last})"
        self._scopes[-1].facts[name] = self._scopes[-1].last = claim
        _say(f"{name}: {claim}")

    def _facts(self) -> dict[str, str]:
        """All premises in force, by name."""
        return self._assumptions | {name: fact for scope in self._scopes for name, fact in scope.facts.items()}

    def _new(self, name: str) -> str:
        if name in self._facts():
            raise Malformed(f"the name {name} is taken")
        return name

    def _settle(self, text: str) -> str:
        """Whether the assumptions are consistent, whether they entail the goal, and which lasting steps say it. Raises: Malformed."""
        (term,) = read(text)
        goal, assumed = self._names.check(term), [*self._assumptions.values()]
        goals = _conjuncts(goal)
        said = {part: name for name, fact in self._scopes[0].facts.items() for part in _conjuncts(fact)}
        simple = self._simplified([*goals, *said])
        found = dict(zip(simple[len(goals) :], said.values(), strict=True))
        steps = [found.get(part) for part in simple[: len(goals)]]
        answer = {
            "consistent": self._ask(assumed).status,
            "refuting": self._ask([*assumed, f"(not {goal})"]).status,
            "proved": None if None in steps else steps,
        }
        return json.dumps(answer)

    def _simplified(self, formulas: list[str]) -> list[str]:
        """As Z3's simplifier spells them, polynomials as sums: what is spelled alike says the same. What it takes for true stays as it is.
        Equivalence would be too much: the square of a whole number is odd exactly where the number is."""
        import z3

        read_by_z3 = z3.parse_smt2_string("\n".join([*self._preamble, *(f"(assert {each})" for each in formulas)]), ctx=z3.Context())
        simple = [z3.simplify(each, arith_lhs=True, som=True, sort_sums=True).sexpr() for each in read_by_z3]
        return [given if spelled == "true" else spelled for given, spelled in zip(formulas, simple, strict=True)]

    def _ask(self, formulas: list[str]) -> Outcome:
        """Whether all formulas can hold together."""
        import z3

        solver = z3.SimpleSolver(ctx=z3.Context())
        solver.set("rlimit", self._rlimit)
        solver.set("random_seed", 0)
        solver.from_string("\n".join([*self._preamble, *(f"(assert {formula})" for formula in formulas)]))
        status = str(solver.check())
        return Outcome(status, self._described(solver.model()) if status == "sat" else "")

    def _described(self, model: Any) -> str:
        """The model's values for the theory's own symbols, in the order of their declaration."""
        values = {decl.name(): " ".join(str(model[decl]).split()) for decl in model.decls()}
        return ", ".join(f"{name} = {values[name]}" for name in self._free if name in values) or "whatever the symbols mean"


def _conjuncts(formula: str) -> list[str]:
    (term,) = read(formula)
    return [part for each in term[1:] for part in _conjuncts(written(each))] if term[0] == "and" else [formula]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def start(settings: dict[str, Any]) -> Derivation:
    """The derivation of a task: its theory taken in, nothing derived. Raises: Malformed, Vacuous."""
    derivation = Derivation(rlimit=settings["rlimit"], max_premises=settings["max_premises"])
    derivation.declare(settings["theory"])
    return derivation
