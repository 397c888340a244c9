"""The record of a file that figures were read from."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class InputFile:
    """One file that figures were read from.

    Attributes:
        file: its path relative to the folder given to ``spi snapshot build``.
        period: its period, as YYYY, YYYY-MM or YYYY-MM-DD.
        sha256: the SHA-256 of its bytes.
        bytes: its size.
        url: the address it was fetched from, if a program fetched it.
        fetched_at: the time it was fetched, ISO 8601.
        published_at: the time of publication, according to its publisher.
        remark: what was left out of it or how it was read, if its contract omits that.
    """

    file: str
    period: str
    sha256: str
    bytes: int
    url: str | None = None
    fetched_at: str | None = None
    published_at: str | None = None
    remark: str | None = None

    def record(self) -> dict[str, object]:
        """Return the fields that are known, as plain values."""
        return {name: value for name, value in asdict(self).items() if value is not None}
