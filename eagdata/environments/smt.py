"""The `smt` environment: a derivation of logic or arithmetic whose every step is proved, or refuted with a counter-example, by Z3.

A task's `environment_config.theory` declares what is spoken of and what is assumed, for instance

    (declare-const x Int) (assume (> x 3)) (assume odd (= (mod x 2) 1))

Proved by Z3 means: the premises together with the negated claim are unsatisfiable. A proof from premises that contradict each other
is refused, but for `false` under a supposition. Division by zero has some value that nothing is known of, as in SMT-LIB.
"""

from __future__ import annotations

import importlib.metadata

from eagdata.contracts import settings
from eagdata.environments.box import LIMIT_KEYS, BoxEnvironment, BoxSettings, check_keys, read_limits, read_text, wrong
from eagdata.environments.episode import Start
from eagdata.errors import PrerequisiteError
from eagdata.records import Task


class SmtEnvironment(BoxEnvironment):
    """Where the steps of a derivation are checked. Its state is what was proved so far."""

    name = "smt"
    language = "smt"

    @settings
    class Config(BoxSettings):
        """Limits, isolation, and how much one step may hold."""

        rlimit: int = 1_000_000
        """Work that Z3 may put into one question, in its own units (a million took 0.1 to 0.2 s with z3 5.4): a count and no time, so
        that each machine gives the same answer."""
        max_premises: int | None = None
        """Most premises that one step may rest on; None: all that are in force."""

    def __init__(self, config: Config) -> None:
        """Raises: PrerequisiteError without z3."""
        super().__init__(config)
        self._own = config
        try:
            self.version = f"z3 {importlib.metadata.version('z3-solver')}"
        except importlib.metadata.PackageNotFoundError as error:
            raise PrerequisiteError(
                "the smt environment needs Z3", why="z3-solver is not installed", mend="pip install eagdata[smt]"
            ) from error

    def instructions(self) -> str:
        """What the teacher is told about acting here."""
        most = self._own.max_premises
        few = "" if most is None else f"A step may rest on at most {most} premises, so name them. "
        return (
            "Each action is a piece of a derivation, in commands over SMT-LIB 2 terms; Z3 checks every step. "
            "(step s1 TERM) claims that TERM follows from all premises in force; (step s1 TERM :from (a1 s0)) from those named. "
            "A proved step becomes a premise under its name; a refuted one is answered with a counter-example and changes nothing. "
            f"{few}(suppose h TERM) opens a supposition; (discharge d) closes the innermost one and makes (=> TERM C) a premise, where C "
            "is what was proved last under it: prove a case that way, or false to refute the supposition. (show) lists the premises in "
            "force. Terms: true, false, whole and decimal numbers (a negative one is (- 3)), declared symbols, (not A), (and A B ...), "
            "(or A B ...), (xor A B), (=> A B), (= A B), (distinct A B ...), (ite A B C), + - * / div mod abs < <= > >= to_real to_int "
            "is_int, (forall ((x Int)) A), (exists ((x Int)) A), (let ((x A)) B). Nothing can be declared or assumed anew. "
            "An action may hold several commands; when one fails, those before it stay in effect."
        )

    def start(self, task: Task) -> Start:
        """The task's theory. Raises: RecipeError."""
        check_keys(task, ("theory", "rlimit", "max_premises", *LIMIT_KEYS))
        given = {"rlimit": self._own.rlimit, "max_premises": self._own.max_premises} | task.environment_config
        rlimit, most = given["rlimit"], given["max_premises"]
        if type(rlimit) is not int or rlimit < 1:
            raise wrong(task, f"environment_config.rlimit is {rlimit!r}", "give a whole number above 0")
        if most is not None and (type(most) is not int or most < 1):
            raise wrong(task, f"environment_config.max_premises is {most!r}", "give a whole number above 0, or null for no limit")
        return Start(
            task_id=task.id,
            seed=task.seed,
            files={},
            limits=read_limits(task, self.config),
            host="smt",
            settings={"theory": read_text(task, "theory"), "rlimit": rlimit, "max_premises": most},
            libraries=("z3",),
        )
