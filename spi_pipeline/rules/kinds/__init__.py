"""All kinds of rule. A new kind is a file here and a line in ``KINDS``."""

from spi_pipeline.rules.kind import Family, Kind
from spi_pipeline.rules.kinds.adds_up import AddsUp
from spi_pipeline.rules.kinds.agrees_with_total import AgreesWithTotal
from spi_pipeline.rules.kinds.between import Between
from spi_pipeline.rules.kinds.between_by import BetweenBy
from spi_pipeline.rules.kinds.columns import Columns
from spi_pipeline.rules.kinds.coverage import Coverage
from spi_pipeline.rules.kinds.disclosure import Disclosure
from spi_pipeline.rules.kinds.empty import Empty
from spi_pipeline.rules.kinds.in_set import InSet
from spi_pipeline.rules.kinds.key import Key
from spi_pipeline.rules.kinds.known_areas import KnownAreas
from spi_pipeline.rules.kinds.mean_magnitude import MeanMagnitude
from spi_pipeline.rules.kinds.no_gaps import NoGaps
from spi_pipeline.rules.kinds.not_constant import NotConstant
from spi_pipeline.rules.kinds.null_share import NullShare
from spi_pipeline.rules.kinds.null_together import NullTogether
from spi_pipeline.rules.kinds.part_of_whole import PartOfWhole
from spi_pipeline.rules.kinds.pattern import Pattern
from spi_pipeline.rules.kinds.quotient import Quotient
from spi_pipeline.rules.kinds.required import Required
from spi_pipeline.rules.kinds.row_count import RowCount
from spi_pipeline.rules.kinds.totals import Totals
from spi_pipeline.rules.kinds.types import Types
from spi_pipeline.rules.kinds.unplaced import Unplaced
from spi_pipeline.rules.rule import Rule

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Columns(),
        Types(),
        Required(),
        Key(),
        InSet(),
        Between(),
        BetweenBy(),
        Pattern(),
        RowCount(),
        KnownAreas(),
        Coverage(),
        PartOfWhole(),
        NullShare(),
        NotConstant(),
        MeanMagnitude(),
        AddsUp(),
        Quotient(),
        Totals(),
        AgreesWithTotal(),
        Disclosure(),
        Unplaced(),
        NullTogether(),
        NoGaps(),
        Empty(),
    )
}
# Judged elsewhere and shown with the rules: was the table computed, is it fresh, does it resemble its last version?
_JUDGED_ELSEWHERE: dict[str, Family] = {"computed": "form", "fresh": "coverage", "drift": "values"}


def family_of(kind: str) -> Family:
    """The family of checks under which results of a kind are shown."""
    return KINDS[kind].family if kind in KINDS else _JUDGED_ELSEWHERE[kind]


def expected(rule: Rule) -> str:
    """The values that a rule allows, such as ``between 0 and 100``; independent of any table."""
    return KINDS[rule.kind].expected(rule)
