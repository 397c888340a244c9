"""Indicators and context measures: each is a measure of one source; an indicator also has direction and goalposts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from spi_pipeline.contracts.models.geography import WARD_CODE
from spi_pipeline.contracts.models.vocabulary import Strict

Id = r"^[a-z][a-z0-9_]*$"
MONTH = r"^20\d{2}-(?:0[1-9]|1[0-2])$"
Direction = Literal["higher_is_better", "lower_is_better"]
ErrorEvidence = Literal["counts", "published", "two_measures", "dispersion", "assumed"]


class Denominator(Strict):
    """The column that a measure is divided by or weighted with.

    Attributes:
        source: the source that holds it; the indicator's own if left out.
        column: the column.
    """

    source: str | None = None
    column: str


class Window(Strict):
    """A window of whole months for a monthly source; with fewer months there is no value, never a scaled-up one.

    The window ends with the newest whole month of the source. The windows of earlier years end in the same month.

    Attributes:
        months: the number of months.
    """

    months: int = Field(ge=1)


class Months(Strict):
    """A range of months that covers whole years.

    Attributes:
        start: the first month, as YYYY-MM.
        end: the last month.
    """

    start: str = Field(pattern=MONTH)
    end: str = Field(pattern=MONTH)

    @model_validator(mode="after")
    def _whole(self) -> Months:
        months = 12 * (int(self.end[:4]) - int(self.start[:4])) + int(self.end[5:]) - int(self.start[5:]) + 1
        if months < 12 or months % 12:
            raise ValueError(f"{self.start} to {self.end} is {months} months; a level covers whole years")
        return self


class MeasurementError(Strict):
    """How far a value may lie from the truth, declared if that does not follow from the counts behind the value.

    Attributes:
        evidence: how the error is known. ``counts``: the mean is a share of its denominator (ballots of electors);
            ``published``: the publisher gives limits; ``two_measures``: from the disagreement with a second measure of
            the same thing; ``dispersion``: from the scatter of repeated values; ``assumed``: an upper bound, because
            nothing can be estimated.
        sd: standard error, in the unit of the value; the same for every area.
        relative_sd: standard error as a share of the value, in place of ``sd``.
        other: the indicator that is the second measure.
        lower: the source's column with the lower published limit, 95 %.
        upper: the source's column with the upper published limit.
        reason: why the bound was chosen, or the evidence behind the estimate.
    """

    evidence: ErrorEvidence
    sd: float | None = Field(default=None, gt=0)
    relative_sd: float | None = Field(default=None, gt=0)
    other: str | None = None
    lower: str | None = None
    upper: str | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _whole(self) -> MeasurementError:
        needs = {
            "counts": (),
            "published": ("lower", "upper"),
            "two_measures": ("sd", "other"),
            "dispersion": ("sd", "reason"),
            "assumed": ("sd", "reason"),
        }[self.evidence]
        declared = {name for name in ("sd", "other", "lower", "upper") if getattr(self, name) is not None}
        declared |= {"sd"} if self.relative_sd is not None else set()
        for name in needs:
            if name not in declared and not (name == "reason" and self.reason):
                raise ValueError(
                    f"an error with evidence {self.evidence} needs {name}{' or relative_sd' * (name == 'sd')}"
                )
        if extra := sorted(declared.difference(needs)):
            raise ValueError(f"an error with evidence {self.evidence} has no {', '.join(extra)}")
        if None not in (self.sd, self.relative_sd):
            raise ValueError("an error states sd or relative_sd, not both")
        return self


class Level(Months):
    """The published rate from which an anchored measure starts; counts are compared with those of its months.

    Attributes:
        source: the source that holds the rate, by small areas, for one period.
        columns: its columns, added up.
        error: how far the level may lie from the value of a year. Without it the level is never used alone when no
            counts are available to move it.
    """

    source: str
    columns: list[str] = Field(min_length=1)
    error: MeasurementError | None = None


class Measure(Strict):
    """How a ward value is formed from a source table.

    Attributes:
        kind: ``share`` = ``100 × Σ columns / Σ denominator`` of one table; ``rate`` = ``per × Σ columns / Σ
            denominator`` of another table; ``mean`` = the columns, added up, averaged with the denominator as weight,
            or with ``weighted_by`` if no denominator is published; ``anchored`` = the ``level``, moved by the columns
            counted in a window; ``total`` = ``Σ columns``; ``density`` = ``Σ columns`` per hectare.
        columns: the columns counted, or averaged (mean).
        where: keep only rows whose column holds one of the listed values.
        denominator: see ``kind``.
        per: the multiplier of a rate.
        weighted_by: the weight of a mean without a denominator, or of a level; ``households`` for figures about homes.
        window: the window of months, for monthly sources.
        level: for an anchored measure, the published rate that the counts move.
        months: for a mean, the months that its columns cover, if they differ from the period of the source.
    """

    kind: Literal["share", "rate", "mean", "anchored", "total", "density"]
    columns: list[str] = Field(min_length=1)
    where: dict[str, list[str]] = Field(default_factory=dict)
    denominator: Denominator | None = None
    per: float = Field(default=1.0, gt=0)
    weighted_by: Literal["residents", "households"] = "residents"
    window: Window | None = None
    level: Level | None = None
    months: Months | None = None

    @model_validator(mode="after")
    def _whole(self) -> Measure:
        if self.kind in ("share", "rate") and self.denominator is None:
            raise ValueError(f"a {self.kind} needs a denominator")
        if (self.kind == "anchored") != (self.level is not None):
            raise ValueError("an anchored measure needs a level to move, and no other has one")
        if self.kind == "anchored" and (self.window is None or self.denominator is not None):
            raise ValueError("an anchored measure counts in a window and needs no denominator: its level is a rate")
        if self.months is not None and self.kind != "mean":
            raise ValueError(f"a {self.kind} covers the period of its source; leave months out")
        if self.kind in ("total", "density") and self.denominator is not None:
            raise ValueError(f"a {self.kind} has no denominator; leave it out")
        if self.kind != "rate" and self.per != 1.0:
            raise ValueError("per belongs to a rate; a share is in percent")
        averaged = self.kind in ("mean", "anchored") and self.denominator is None
        if self.weighted_by == "households" and not averaged:
            raise ValueError("weighted_by belongs to a mean without a denominator, or to a level")
        return self


class Goalposts(Strict):
    """The values that score 0 and 100.

    Attributes:
        worst: value that scores 0; left out if the source is ``reference``.
        best: value that scores 100; left out if the source is ``reference``.
        source: ``theory`` if the scale has a limit, ``cap`` if a limit was chosen, ``reference`` for the 1st and 99th
            percentile of the wards of England from the snapshot's reference table, widened where a third of a town
            lies beyond.
        reason: why these values were chosen; not needed for a reference.
    """

    worst: float | None = None
    best: float | None = None
    source: Literal["theory", "cap", "reference"]
    reason: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Goalposts:
        declared = (self.worst, self.best)
        if self.source == "reference":
            if declared != (None, None):
                raise ValueError("a reference sets worst and best itself; leave them out, or state a cap")
        elif None in declared or not self.reason:
            parts = {"worst": self.worst, "best": self.best, "reason": self.reason or None}
            missing = " and ".join(name for name, value in parts.items() if value is None)
            raise ValueError(
                f"goalposts with source: {self.source} need worst, best and reason ({missing} not given); goalposts "
                "with source: reference have no worst and best"
            )
        elif self.worst == self.best:
            raise ValueError(f"worst and best are both {self.worst:g} and must differ")
        return self


class Plausible(Strict):
    """The closed range outside which a ward value is treated as an error."""

    minimum: float
    maximum: float

    @model_validator(mode="after")
    def _ordered(self) -> Plausible:
        if self.minimum >= self.maximum:
            raise ValueError(f"minimum {self.minimum:g} must be below maximum {self.maximum:g}")
        return self


class Measured(Strict):
    """A quantity measured for every ward: an indicator of the index, or a measure of its context.

    Attributes:
        id: unique over all indicators and context measures.
        title: short name with its unit, as printed.
        description: its meaning in plain language.
        unit: word of the unit vocabulary.
        source: source id.
        measure: how the value is formed.
        plausible: the range in which a ward value must lie.
        error: how far a value may lie from the truth; left out if that follows from the counts behind it.
        limits: what a reader must know before trusting it.
    """

    id: str = Field(pattern=Id)
    title: str
    description: str
    unit: str
    source: str
    measure: Measure
    plausible: Plausible
    error: MeasurementError | None = None
    limits: str


class Indicator(Measured):
    """One indicator of one component.

    Attributes:
        direction: whether higher or lower values are better; the goalposts must agree with it.
        goalposts: the values that score 0 and 100.
        predecessor: an older indicator of the same thing under another definition. Both belong to one slot, which is
            filled by the newest of them that has values.
        methods: further methods of scoring, under keys of ``spi score`` (transform, treat, at_least, weight, …) with
            the same meaning. They take precedence over those of a profile.
    """

    direction: Direction
    goalposts: Goalposts
    predecessor: str | None = None
    methods: dict[str, Any] = Field(default_factory=dict)

    @property
    def error_evidence(self) -> ErrorEvidence:
        """How the interval of a value is estimated; for counts that repeat month by month, from their dispersion."""
        if self.error is not None:
            return self.error.evidence
        return "dispersion" if self.measure.window else "counts"

    @field_validator("goalposts")
    @classmethod
    def _agree(cls, goalposts: Goalposts, info: ValidationInfo) -> Goalposts:
        declared, worst, best = info.data.get("direction"), goalposts.worst, goalposts.best
        if worst is None or best is None:
            return goalposts
        meant = "higher_is_better" if best > worst else "lower_is_better"
        if declared not in (meant, None):
            raise ValueError(f"worst {worst:g} and best {best:g} mean {meant}, but direction says {declared}")
        return goalposts

    @model_validator(mode="after")
    def _error_is_known(self) -> Indicator:
        if self.measure.kind != "mean":
            return self
        if self.error is None:
            raise ValueError("the error of a mean does not follow from counts; declare error, with its basis")
        if self.error.evidence == "counts" and self.measure.denominator is None:
            raise ValueError("an error with evidence counts needs the denominator the value is a share of")
        return self


class IndicatorFile(Strict):
    """One file of ``indicators/``: the indicators of one component."""

    component: str = Field(pattern=Id)
    indicators: list[Indicator] = Field(min_length=1)


class Peers(Strict):
    """The wards that a ward is compared with: those of its authority nearest to it in economic standing.

    Attributes:
        measure: the context measure whose newest figure determines the nearest wards.
        count: the number of peers.
        floor: points within which a ward counts as level with its peers, however similar the peers are.
    """

    measure: str
    count: int = Field(ge=1)
    floor: float = Field(ge=0)


class Earlier(Strict):
    """Figures on the same thing from the census before.

    Attributes:
        measure: the context measure or indicator that holds the figures of the newest census.
        source: the source that holds the earlier figures.
        columns: its columns, in place of those of the measure.
        denominator: its denominator, in place of that of the measure; left out if the measure has none.
        limits: how far the two censuses can be compared.
    """

    measure: str
    source: str
    columns: list[str] = Field(min_length=1)
    denominator: Denominator | None = None
    limits: str

    def of(self, measured: Measured) -> Measured:
        """The measure with the source, columns and denominator of the earlier census."""
        measure = measured.measure.model_copy(update={"columns": self.columns, "denominator": self.denominator})
        return measured.model_copy(update={"source": self.source, "measure": measure})


class Composition(Strict):
    """The context measures with which scores are compared, to see with what the index correlates.

    Attributes:
        given: the context measure that is held constant, and from which an expected score is derived.
        measures: the context measures with which scores are correlated.
        without: wards left out of a second calculation, because each lies far from all others.
    """

    given: str
    measures: list[str] = Field(min_length=1)
    without: list[Annotated[str, Field(pattern=WARD_CODE)]] = Field(default_factory=list)


class Alike(Strict):
    """How similar wards anywhere in England are found: by who lives there and how, never by their scores.

    Attributes:
        measures: context measures, each with the same weight; measures without national figures are ignored.
        count: the number of most similar wards to name.
    """

    measures: list[str] = Field(default_factory=list)
    count: int = Field(default=5, ge=1)


class Context(Strict):
    """``context.yaml``: the context, shown next to the index and never part of it.

    Attributes:
        peers: how the wards that a ward is compared with are chosen.
        measures: the context measures, in the order they are shown.
        decade: the figures of the earlier census that are compared with the newest.
        composition: the context measures with which scores are compared.
        alike: how similar wards of England are found.
    """

    peers: Peers
    composition: Composition
    alike: Alike = Field(default_factory=Alike)
    measures: list[Measured]
    decade: list[Earlier] = Field(default_factory=list)
