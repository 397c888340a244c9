"""The closed vocabularies every other contract draws from: units, concepts, licences, cadences, geographic levels."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def is_day(text: str) -> bool:
    """Whether a text is a day that there is, ``YYYY-MM-DD``."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _real(day: str) -> str:
    dt.date.fromisoformat(day)
    return day


# A day that there is, YYYY-MM-DD; kept as text.
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_real)]


class Strict(BaseModel):
    """Base of every contract model: frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Unit(Strict):
    """A unit of measurement.

    Attributes:
        title: how the unit is written beside a number.
        minimum: smallest value the unit allows, if it has one.
        maximum: largest value the unit allows, if it has one.
        additive: counts of this unit may be summed over areas.
        positional: a rank, decile or the like, of which no average may be formed.
        per: what a rate in this unit is multiplied by, 1,000 for one per thousand; None where no rate has it.
        relative: a value stands against all of England in its own year: two releases show no change in level.
    """

    title: str
    minimum: float | None = None
    maximum: float | None = None
    additive: bool = False
    positional: bool = False
    per: float | None = Field(default=None, gt=0)
    relative: bool = False


class Concept(Strict):
    """What a column measures.

    Attributes:
        title: the concept in plain words.
        kind: ``outcome`` may enter the index; ``economic`` may not; ``context`` (people, homes, places, time) may only
            serve as denominator, weight or key.
    """

    title: str
    kind: Literal["outcome", "economic", "context"]


class Licence(Strict):
    """A licence under which figures may be republished."""

    title: str
    url: str


class Cadence(Strict):
    """How often a publisher publishes.

    Attributes:
        title: the cadence in plain words.
        cycle_days: the longest a publisher that keeps its calendar takes from one publication to the next; None where
            there is no calendar.
        grace_days: how much later it may be before anybody is told, unless the source's contract states its own.
    """

    title: str
    cycle_days: int | None = Field(default=None, ge=1)
    grace_days: int = Field(default=0, ge=0)


class UsefulLife(Strict):
    """How long figures of one nature say how things stand.

    Attributes:
        title: their nature in plain words.
        years: how many years after its period a value may still be used.
        reason: why so many.
    """

    title: str
    years: int = Field(ge=0)
    reason: str = Field(min_length=1)


class Level(Strict):
    """A level of geography.

    Attributes:
        title: the level in plain words.
        pattern: regular expression of its codes; empty for points.
    """

    title: str
    pattern: str = ""


class Vocabulary(Strict):
    """All closed vocabularies, each a mapping from word to meaning."""

    units: dict[str, Unit]
    concepts: dict[str, Concept]
    licences: dict[str, Licence]
    cadences: dict[str, Cadence]
    useful_lives: dict[str, UsefulLife]
    levels: dict[str, Level]
