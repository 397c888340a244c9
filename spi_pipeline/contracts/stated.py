"""The rules a contract states under ``quality``: what each kind takes is for the kind.

The rules that follow from the columns are in ``quality``.
"""

from collections.abc import Sequence
from typing import Any

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.models.places import TablePlaces
from spi_pipeline.contracts.models.tables import Column
from spi_pipeline.contracts.reading.documents import Document, Path_, unknown, validate
from spi_pipeline.contracts.reading.standard import QualityElement
from spi_pipeline.rules.kind import StatedOfAreas
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule

# The standard has a word of its own for the number of rows.
_ROW_COUNT = "row_count"
_BY_HAND = {name: kind.states for name, kind in KINDS.items() if kind.states and name != _ROW_COUNT}


def stated_rules(
    document: Document,
    elements: Sequence[QualityElement],
    columns: Sequence[Column],
    places: TablePlaces,
    parts: str,
    faults: list[Fault],
) -> list[Rule]:
    """The rules under ``quality`` that are without fault, in order; ``faults`` receives what cannot be understood.

    ``parts`` is the column that a product comes in parts by, empty where a table comes as a whole.
    """
    rules = []
    for index, element in enumerate(elements):
        path: Path_ = ("schema", 0, "quality", index)
        found: list[Fault] = []
        rule = _rule(document, element, path, columns, places, found)
        if rule and KINDS[rule.kind].of_many_rows and parts and parts not in rule.by:
            said = (
                f"rule {rule.id}: the table comes in parts by {parts}, which are judged together; state by: [{parts}]"
            )
            found.append(document.fault((*path, "implementation"), said))
        faults.extend(found)
        if rule and not found:
            rules.append(rule)
    return rules


def _rule(
    document: Document,
    element: QualityElement,
    path: Path_,
    columns: Sequence[Column],
    places: TablePlaces,
    faults: list[Fault],
) -> Rule | None:
    about = f"rule {element.id}: "
    if element.metric == "rowCount":
        kind, model = _ROW_COUNT, KINDS[_ROW_COUNT].states
        said: dict[str, Any] = {k: v for k, v in (element.model_extra or {}).items() if k.startswith("must")}
    else:
        path, said = (*path, "implementation"), element.implementation
        kind = str(said.get("rule"))
        if kind not in _BY_HAND:
            faults.append(document.fault((*path, "rule"), about + unknown(kind, "kind of rule", _BY_HAND)))
            return None
        model = _BY_HAND[kind]
    stated = validate(model, document, said, path, faults, about) if model else None
    if stated is None:
        return None
    params = stated.params()
    names = [column.name for column in columns]
    unheld = [name for name in [*stated.named(), *(params.get("by") or ())] if name not in names]
    faults.extend(document.fault(path, about + unknown(name, "column of this table", names)) for name in unheld)
    if isinstance(stated, StatedOfAreas):
        params |= _areas(document, path, about, stated.geographies, places, faults)
        if kind == "known_areas" and "areas" in params:
            params["former"] = sorted(places.geography.former_wards)
    description = element.description or KINDS[kind].promise
    return Rule(element.id, kind, element.severity, description, stated.named(), params)


def _areas(
    document: Document, path: Path_, about: str, named: Sequence[str] | None, places: TablePlaces, faults: list[Fault]
) -> dict[str, Any]:
    """The areas a rule names, or else those of its table."""
    areas = places.params(named or places.names)
    if not areas and (named or places.sure):
        faults.append(
            document.fault(path, f"{about}no list of these areas is kept; state geographies, or drop the rule")
        )
    return areas
