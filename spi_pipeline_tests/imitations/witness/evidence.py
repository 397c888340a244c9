"""Evidence for the witness's responses, as data."""

from __future__ import annotations

from dataclasses import dataclass

NONE = "no evidence"


@dataclass(frozen=True)
class Evidence:
    """One trait of an endpoint's responses, and the evidence that the publisher behaves so.

    `rests_on` names a repository and path if known, otherwise the kind of source: a documentation page, a file that
    others committed, or a client. It includes the date of writing or of the request if known. If `rests_on` is empty,
    the trait is a guess.
    """

    endpoint: str
    trait: str
    rests_on: str = ""

    @property
    def known(self) -> bool:
        return bool(self.rests_on)
