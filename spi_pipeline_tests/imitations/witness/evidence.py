"""What an answer rests on, as data."""

from __future__ import annotations

from dataclasses import dataclass

NONE = "no evidence"


@dataclass(frozen=True)
class Evidence:
    """One trait of an endpoint's answers and what shows that the publisher answers so.

    `rests_on` names a repository and path, a documentation page or a file committed by others, with the date it was
    written or asked where one is known. It is empty where nothing was found: the trait is then a guess.
    """

    endpoint: str
    trait: str
    rests_on: str = ""

    @property
    def known(self) -> bool:
        return bool(self.rests_on)
