"""What an indicator is: a measure of one source, with direction, goalposts and limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from spi_pipeline.contracts.models.geography import WARD_CODE
from spi_pipeline.contracts.models.vocabulary import Strict

Id = r"^[a-z][a-z0-9_]*$"
MONTH = r"^20\d{2}-(?:0[1-9]|1[0-2])$"
Direction = Literal["higher_is_better", "lower_is_better"]
ErrorBasis = Literal["counts", "published", "two_measures", "dispersion", "assumed"]


class Denominator(Strict):
    """What a measure is divided by, or weighted with.

    Attributes:
        source: the source that holds it; the indicator's own when left out.
        column: its column.
    """

    source: str | None = None
    column: str


class Window(Strict):
    """A window of whole months for a monthly source: fewer months give no value, never a value scaled up.

    It ends with the newest whole month of the source; so do those of earlier years, each a year before the next.

    Attributes:
        months: how many months.
    """

    months: int = Field(ge=1)


class Months(Strict):
    """Whole years of months.

    Attributes:
        start: the first month, as YYYY-MM.
        end: the last.
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
    """How far a value may lie from what it measures, where no counts of its own say so.

    Attributes:
        basis: ``counts`` for a mean that is a share of its denominator (ballots of electors); ``published`` for the
            publisher's own limits; ``two_measures`` for the disagreement with a second measure of the same thing;
            ``dispersion`` for the scatter of repeated values; ``assumed`` for an upper bound where nothing can be
            estimated.
        sd: standard error, in the unit of the value; the same for every area.
        relative_sd: standard error as a share of the value, in place of ``sd``.
        other: the indicator that is the second measure.
        lower: the source's column that holds the lower published limit, 95 %.
        upper: the one that holds the upper limit.
        reason: why the bound is as it is; or what the estimate rests on.
    """

    basis: ErrorBasis
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
        }[self.basis]
        stated = {name for name in ("sd", "other", "lower", "upper") if getattr(self, name) is not None}
        stated |= {"sd"} if self.relative_sd is not None else set()
        for name in needs:
            if name not in stated and not (name == "reason" and self.reason):
                raise ValueError(f"an error of basis {self.basis} needs {name}{' or relative_sd' * (name == 'sd')}")
        if extra := sorted(stated.difference(needs)):
            raise ValueError(f"an error of basis {self.basis} has no {', '.join(extra)}")
        if None not in (self.sd, self.relative_sd):
            raise ValueError("an error states sd or relative_sd, not both")
        return self


class Level(Months):
    """The published rate that an anchored measure stands at; its months are what counts are held against.

    Attributes:
        source: the source that holds it, by small areas, for one period.
        columns: its columns, added up.
        error: how far it lies from the value of a year; without it the level never stands alone, where no counts are
            at hand to move it.
    """

    source: str
    columns: list[str] = Field(min_length=1)
    error: MeasurementError | None = None


class Measure(Strict):
    """How a ward value comes from a source table.

    Attributes:
        kind: ``share`` = ``100 × Σ columns / Σ denominator`` of one table; ``rate`` = ``per × Σ columns / Σ
            denominator`` of another table; ``mean`` = the columns, added up, averaged with the denominator as weight,
            or with what ``weighted_by`` says where none is published; ``anchored`` = the ``level``, moved by the
            columns counted in a window; ``total`` = ``Σ columns``; ``density`` = ``Σ columns`` per hectare.
        columns: the columns counted, or averaged (mean).
        where: keep only rows whose column holds one of the listed values.
        denominator: see ``kind``.
        per: the multiplier of a rate.
        weighted_by: what a mean without a denominator, or a level, is averaged over: a figure about homes by
            ``households``.
        window: for monthly sources.
        level: of an anchored measure: the published rate that the counts move.
        months: of a mean: what its columns cover, where that is not the period of their source.
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
            raise ValueError(f"a {self.kind} is of the period of its source; leave months out")
        if self.kind in ("total", "density") and self.denominator is not None:
            raise ValueError(f"a {self.kind} is divided by no column; leave denominator out")
        if self.kind != "rate" and self.per != 1.0:
            raise ValueError("per belongs to a rate; a share is in percent")
        averaged = self.kind in ("mean", "anchored") and self.denominator is None
        if self.weighted_by == "households" and not averaged:
            raise ValueError("weighted_by belongs to a mean without a denominator, or to a level")
        return self


class Goalposts(Strict):
    """The values that score 0 and 100.

    Attributes:
        worst: value that scores 0; left out where the reference says.
        best: value that scores 100; likewise.
        basis: ``theory`` where the scale has a limit, ``cap`` where a limit was chosen, ``reference`` for the 1st and
            99th percentile of the wards of England, widened where a third of a town lies beyond, as the snapshot's
            reference table holds them.
        reason: why these numbers; a reference needs none.
    """

    worst: float | None = None
    best: float | None = None
    basis: Literal["theory", "cap", "reference"]
    reason: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Goalposts:
        stated = (self.worst, self.best)
        if self.basis == "reference":
            if stated != (None, None):
                raise ValueError("a reference sets worst and best itself; leave them out, or state a cap")
        elif None in stated or not self.reason:
            raise ValueError(f"basis {self.basis} needs worst, best and reason; or use the basis reference")
        elif self.worst == self.best:
            raise ValueError(f"worst and best are both {self.worst:g} and must differ")
        return self


class Plausible(Strict):
    """The closed range outside which a ward value is taken for an error."""

    minimum: float
    maximum: float

    @model_validator(mode="after")
    def _ordered(self) -> Plausible:
        if self.minimum >= self.maximum:
            raise ValueError(f"minimum {self.minimum:g} must be below maximum {self.maximum:g}")
        return self


class Measured(Strict):
    """What is measured for every ward: an indicator of the index, or a measure of its context.

    Attributes:
        id: unique over all indicators and context measures.
        title: short name with its unit, as printed.
        description: what it says, in plain language.
        unit: word of the unit vocabulary.
        source: source id.
        measure: how the value is formed.
        plausible: the range a ward value must lie in.
        error: how far a value may lie from the truth; left out where the counts behind it say so.
        limits: what the reader must know before trusting it.
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
        direction: the statement that goalposts must agree with.
        goalposts: the values that score 0 and 100.
        predecessor: an older indicator of the same thing by another definition; both belong to one slot, which the
            newest with values fills.
        methods: how else it is scored, by keys that ``spi score`` knows (transform, treat, at_least, weight, …), with
            the same meaning; they go before what a profile states.
    """

    direction: Direction
    goalposts: Goalposts
    predecessor: str | None = None
    methods: dict[str, Any] = Field(default_factory=dict)

    @property
    def error_basis(self) -> ErrorBasis:
        """What the interval of a value rests on: counts that repeat month by month show their own dispersion."""
        if self.error is not None:
            return self.error.basis
        return "dispersion" if self.measure.window else "counts"

    @field_validator("goalposts")
    @classmethod
    def _agree(cls, goalposts: Goalposts, info: ValidationInfo) -> Goalposts:
        stated, worst, best = info.data.get("direction"), goalposts.worst, goalposts.best
        if worst is None or best is None:
            return goalposts
        meant = "higher_is_better" if best > worst else "lower_is_better"
        if stated not in (meant, None):
            raise ValueError(f"worst {worst:g} and best {best:g} mean {meant}, but direction says {stated}")
        return goalposts

    @model_validator(mode="after")
    def _error_is_known(self) -> Indicator:
        if self.measure.kind != "mean":
            return self
        if self.error is None:
            raise ValueError("a mean has no counts that tell its error; state error, with the basis it rests on")
        if self.error.basis == "counts" and self.measure.denominator is None:
            raise ValueError("an error of basis counts needs the denominator the value is a share of")
        return self


class IndicatorFile(Strict):
    """One file of ``indicators/``: the indicators of one component."""

    component: str = Field(pattern=Id)
    indicators: list[Indicator] = Field(min_length=1)


class Peers(Strict):
    """Whom a ward is held against: the wards of its authority nearest in economic standing.

    Attributes:
        measure: the measure of the context that nearness is told by, its newest figure.
        count: how many.
        floor: points within which a ward counts as level with its peers, however alike these are.
    """

    measure: str
    count: int = Field(ge=1)
    floor: float = Field(ge=0)


class Earlier(Strict):
    """What the census before counted of the same thing.

    Attributes:
        measure: the measure of the context, or the indicator of the index, that the newest census tells.
        source: the source that holds the earlier figures.
        columns: its columns, in place of those of the measure.
        denominator: likewise; left out where the measure has none.
        limits: how far the two are alike.
    """

    measure: str
    source: str
    columns: list[str] = Field(min_length=1)
    denominator: Denominator | None = None
    limits: str

    def of(self, measured: Measured) -> Measured:
        """The measure as the earlier census tells it."""
        measure = measured.measure.model_copy(update={"columns": self.columns, "denominator": self.denominator})
        return measured.model_copy(update={"source": self.source, "measure": measure})


class Composition(Strict):
    """What scores are set against, to see what the index goes with.

    Attributes:
        given: the measure of the context that is held equal, and that suggests a score.
        measures: those that scores are correlated with.
        without: wards that are left out in a second look, each since it stands far from all others.
    """

    given: str
    measures: list[str] = Field(min_length=1)
    without: list[Annotated[str, Field(pattern=WARD_CODE)]] = Field(default_factory=list)


class Alike(Strict):
    """By what wards anywhere in England are alike: who lives there and how, never how they score.

    Attributes:
        measures: of the context, each counting the same; those without national figures are passed over.
        count: how many of the most similar wards are named.
    """

    measures: list[str] = Field(default_factory=list)
    count: int = Field(default=5, ge=1)


class Context(Strict):
    """``context.yaml``: the context, shown beside the index and never inside it.

    Attributes:
        peers: whom a ward is held against.
        measures: in the order they are shown.
        decade: what two censuses tell of the same wards.
        composition: what scores are set against.
        alike: by what the wards of England are called similar.
    """

    peers: Peers
    composition: Composition
    alike: Alike = Field(default_factory=Alike)
    measures: list[Measured]
    decade: list[Earlier] = Field(default_factory=list)
