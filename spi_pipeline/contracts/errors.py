"""The one error type whose message is meant for the person at the terminal.

An ``SpiError`` carries whole sentences that say what was found and what to do. Anything else that reaches the command
line is a defect of ours and keeps its stack trace in the run's log.
"""

from dataclasses import dataclass


class SpiError(Exception):
    """A fault a person can act on; the message is one sentence naming what was found, where, and the remedy."""


# Of a ``MemoryError``, which says nothing itself.
NO_MEMORY = "no memory could be had; give it more (the container's limit, ulimit -v), or end what else runs"


@dataclass(frozen=True, order=True)
class Fault:
    """One fault of one contract file.

    Attributes:
        file: path relative to the contracts folder.
        line: 1-based line of the offending key, or 0 where the file as a whole is meant.
        message: what was found and what is allowed.
        count: for how many faults it stands: one that says "and 900 more" for 900.
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
        faults: every fault found, ordered by file and line.
        where: what the files are, for the sentence that counts the faults.
    """

    where = "the contracts"

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SettingError(SpiError):
    """A setting, or something a setting names, that cannot be used as it is."""


class UnknownNameError(SpiError):
    """The caller named something there is not: bad usage, where nothing has failed."""
