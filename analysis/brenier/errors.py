"""Exceptions and warnings of the package. Each exception has one sentence, and the exit code that the program has
for it."""


class BrenierError(Exception):
    """Base of all exceptions of the package. code: exit code of the program, or None."""

    code: "int | None" = None


class Bug(BrenierError):
    """A bug of the program (exit code 1): please report it."""

    code = 1


class BadArguments(BrenierError, ValueError):
    """An argument or option is wrong (exit code 2)."""

    code = 2


class BadInput(BrenierError, ValueError):
    """The content of an array or a file is wrong (exit code 3)."""

    code = 3


class BadFile(BadInput):
    """A file is not what it should be; says which and why."""


class InputOutput(BrenierError):
    """Input or output failed: a missing file or program, a full disk (exit code 4)."""

    code = 4


class NumericalFailure(BrenierError):
    """The computation failed (exit code 5)."""

    code = 5


class OutOfResources(BrenierError):
    """Memory or processor time ran out (exit code 7)."""

    code = 7


class Stopped(BrenierError):
    """The solve was stopped and left a checkpoint (exit code 85): the same call continues it."""

    code = 85


class Killed(BrenierError):
    """A signal ended the program or one of its ranks."""


class BrenierWarning(UserWarning):
    """A warning of the program."""


class NotReached(BrenierWarning):
    """The tolerance was not reached, or the solve was stopped before it was (exit code 6): the result is the best so
    far."""


BY_CODE = {
    kind.code: kind for kind in (Bug, BadArguments, BadInput, InputOutput, NumericalFailure, OutOfResources, Stopped)
}
