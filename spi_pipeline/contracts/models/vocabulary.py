"""The closed vocabularies that all other contracts use: units, concepts, licences, cadences, levels and so on."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def is_day(text: str) -> bool:
    """Whether a text is a day that exists, as ``YYYY-MM-DD``."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _real(day: str) -> str:
    dt.date.fromisoformat(day)
    return day


# A day that exists, YYYY-MM-DD, stored as text.
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_real)]


class Strict(BaseModel):
    """Base of every contract model: immutable, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Unit(Strict):
    """A unit of measurement.

    Attributes:
        title: how the unit is written next to a number.
        minimum: smallest value the unit allows, if it has one.
        maximum: largest value the unit allows, if it has one.
        additive: whether counts in this unit may be summed over areas.
        positional: whether it is a rank, decile or the like, of which no average may be formed.
        per: the multiplier of a rate in this unit, 1,000 for a rate per thousand; None if no rate has this unit.
        relative: whether a value is relative to all of England in its own year, so that two releases show no change in
            level.
    """

    title: str
    minimum: float | None = None
    maximum: float | None = None
    additive: bool = False
    positional: bool = False
    per: float | None = Field(default=None, gt=0)
    relative: bool = False


class Concept(Strict):
    """The subject that a column measures.

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
        cycle_days: the longest time between two publications of a publisher that keeps its calendar; None if there is
            no calendar.
        grace_days: how many days late a publication may be before it is reported, unless the source's contract
            declares its own.
    """

    title: str
    cycle_days: int | None = Field(default=None, ge=1)
    grace_days: int = Field(default=0, ge=0)


class UsefulLife(Strict):
    """How long figures of one nature describe the present.

    Attributes:
        title: their nature in plain words.
        years: how many years after its period a value may still be used.
        reason: why this number of years.
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
