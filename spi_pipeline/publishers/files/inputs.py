"""What is noted of a file that figures were read from."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class InputFile:
    """One file figures were read from.

    Attributes:
        file: path relative to the folder given to ``spi snapshot build``.
        period: the period it holds, as YYYY, YYYY-MM or YYYY-MM-DD.
        sha256: of its bytes.
        bytes: its size.
        url: where it was fetched from, where a program did that.
        fetched_at: when, ISO 8601.
        published_at: when its publisher says it was made.
        remark: what its contract does not say: what of it was left out, or how it was read.
    """

    file: str
    period: str
    sha256: str
    bytes: int
    url: str | None = None
    fetched_at: str | None = None
    published_at: str | None = None
    remark: str | None = None

    def told(self) -> dict[str, object]:
        """What is known of it, as plain values."""
        return {name: value for name, value in asdict(self).items() if value is not None}
