"""The one error type whose message is meant for the person at the terminal.

An ``SpiError`` carries whole sentences that say what was found and what to do. Any other exception that reaches the
command line is a defect of the pipeline, and the run's log holds its stack trace.
"""

from dataclasses import dataclass


class SpiError(Exception):
    """A fault that a person can act on; the message is one sentence with the fault, its place and the remedy."""


# The message for a ``MemoryError``, which carries none.
NO_MEMORY = "there was not enough memory; raise the limit (of the container, ulimit -v), or end other programs"
# The fault of a file that somebody named.
NO_FILE = "there is no such file; check its name and folder"


@dataclass(frozen=True, order=True)
class Fault:
    """One fault of one contract file.

    Attributes:
        file: path relative to the contracts folder.
        line: 1-based line of the offending key, or 0 for the file as a whole.
        message: what was found and what is allowed.
        count: how many faults it represents; a fault that says "and 900 more" represents 900.
    """

    file: str
    line: int
    message: str
    count: int = 1

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class ContractError(SpiError):
    """All faults of all contract files at once.

    Attributes:
        faults: every fault, ordered by file and line.
        where: a name for the files, used in the sentence that counts the faults.
    """

    where = "the contracts"

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SettingError(SpiError):
    """A setting, or something that a setting names, cannot be used."""


class UnknownNameError(SpiError):
    """The caller named something that does not exist: wrong usage, not a failure."""
