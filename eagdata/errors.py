"""Every error that eagdata raises on purpose, as one tree.

    EagdataError            what / why / mend
      RecipeError           exit 2   the user's file or command line
      PrerequisiteError     exit 3   an extra, a program, a key is missing
      BoundaryError         exit 4   someone else's part gave up; the run can be resumed
        TeacherError
        EnvironmentFault
        VerifierError
        PublishError
      StoreError            exit 5   the run folder is locked, corrupt, or of another plan
      BudgetSpent           exit 1   the budget of the run allows no further call; it can be resumed with a larger one
      Stopped               exit 130  the user asked to stop; it can be resumed
      AccountingError       exit 70  the four counts do not add up: a bug of ours

An error of the run is raised. An error of one rollout is caught in one place (`rollout.py`) and recorded as a
`Failure`. Anything else that escapes is a bug: the command line shows its traceback and exits 70.
"""

from __future__ import annotations


class EagdataError(Exception):
    """Base of all. `what` happened, `why`, and how to `mend` it; `kind` is stable, the texts are not."""

    exit_code = 70

    def __init__(self, what: str, *, why: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.mend = mend

    @property
    def kind(self) -> str:
        """The class name: what scripts may match on."""
        return type(self).__name__

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"why: {self.why}")
        if self.mend:
            lines.append(f"mend: {self.mend}")
        return "\n".join(lines)


class RecipeError(EagdataError):
    """The recipe, a row of the user's input file, or the command line is wrong."""

    exit_code = 2


class PrerequisiteError(EagdataError):
    """Something is missing on this machine: a key, an extra, a program, a wall of the sandbox, disk space."""

    exit_code = 3


class BoundaryError(EagdataError):
    """Somebody else's part gave up. `retryable` says whether the same attempt may work later."""

    exit_code = 4
    boundary = "unknown"

    def __init__(self, what: str, *, why: str = "", mend: str = "", retryable: bool = True) -> None:
        super().__init__(what, why=why, mend=mend)
        self.retryable = retryable


class TeacherError(BoundaryError):
    """The teacher gave no usable reply, after all retries."""

    boundary = "teacher"


class EnvironmentFault(BoundaryError):
    """The box failed, not the program in it: never an observation, never training text."""

    boundary = "environment"


class VerifierError(BoundaryError):
    """The verifier itself could not judge."""

    boundary = "verifier"


class PublishError(BoundaryError):
    """The Hub, or the disk that a dataset is written to, refused."""

    boundary = "publish"


class StoreError(EagdataError):
    """The run folder is locked, corrupt, of another version or of another plan."""

    exit_code = 5


class BudgetSpent(EagdataError):
    """The budget of the run allows no further call. What is verified by then is kept; tasks that it cuts off are unspent."""

    exit_code = 1


class Stopped(EagdataError):
    """The user asked to stop: no new call or try begins, those in flight are awaited and saved."""

    exit_code = 130


class AccountingError(EagdataError):
    """kept + rejected + failed + unspent differs from planned: a bug in eagdata."""

    exit_code = 70
