"""The rules that a contract declares under ``quality``; each kind knows what it takes.

Rules that follow from the columns are in the module ``quality``.
"""

from collections.abc import Sequence
from typing import Any

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.models.places import TablePlaces
from spi_pipeline.contracts.models.tables import Column
from spi_pipeline.contracts.reading.documents import Document, Path_, unknown, validate
from spi_pipeline.contracts.reading.standard import QualityElement
from spi_pipeline.rules.kind import DeclaredForAreas
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.kinds.agrees_with_total import DeclaredForTotal
from spi_pipeline.rules.rule import Rule

# The standard has its own metric for the number of rows.
_ROW_COUNT = "row_count"
_DECLARABLE = {name: kind.declaration for name, kind in KINDS.items() if kind.declaration and name != _ROW_COUNT}


def declared_rules(
    document: Document,
    elements: Sequence[QualityElement],
    columns: Sequence[Column],
    places: TablePlaces,
    parts: str,
    faults: list[Fault],
) -> list[Rule]:
    """The rules under ``quality`` that have no fault, in order; faults are appended to ``faults``.

    ``parts`` is the column that splits a product into parts; it is empty if the table is not split.
    """
    rules = []
    for index, element in enumerate(elements):
        path: Path_ = ("schema", 0, "quality", index)
        own_faults: list[Fault] = []
        rule = _rule(document, element, path, columns, places, own_faults)
        if rule and KINDS[rule.kind].judges_many_rows and parts and parts not in rule.by:
            message = f"the table is split into parts by {parts}, which are judged together; add by: [{parts}]"
            own_faults.append(document.fault((*path, "implementation"), f"rule {rule.id}: {message}"))
        faults.extend(own_faults)
        if rule and not own_faults:
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
    prefix = f"rule {element.id}: "
    if element.metric == "rowCount":
        kind, model = _ROW_COUNT, KINDS[_ROW_COUNT].declaration
        data: dict[str, Any] = {k: v for k, v in (element.model_extra or {}).items() if k.startswith("must")}
    else:
        path, data = (*path, "implementation"), element.implementation
        kind = str(data.get("rule"))
        if kind not in _DECLARABLE:
            faults.append(document.fault((*path, "rule"), prefix + unknown(kind, "kind of rule", _DECLARABLE)))
            return None
        model = _DECLARABLE[kind]
    declared = validate(model, document, data, path, faults, prefix) if model else None
    if declared is None:
        return None
    params = declared.params()
    names = [column.name for column in columns]
    strange = [name for name in [*declared.column_names(), *(params.get("by") or ())] if name not in names]
    faults.extend(document.fault(path, prefix + unknown(name, "column of this table", names)) for name in strange)
    if isinstance(declared, DeclaredForAreas):
        params |= _areas(document, path, prefix, declared.geographies, places, faults)
        if kind == "known_areas" and "areas" in params:
            params["former"] = sorted(places.geography.former_wards)
    if isinstance(declared, DeclaredForTotal):
        total = places.total(declared.totals)
        if total is None:
            return None
        params["total"] = total
    description = element.description or KINDS[kind].promise
    return Rule(element.id, kind, element.severity, description, declared.column_names(), params)


def _areas(
    document: Document,
    path: Path_,
    prefix: str,
    named: Sequence[str] | None,
    places: TablePlaces,
    faults: list[Fault],
) -> dict[str, Any]:
    """The areas that a rule names, or else those of its table."""
    areas = places.params(named or places.names)
    if not areas and (named or places.sure):
        faults.append(
            document.fault(path, f"{prefix}there is no list of these areas; declare geographies, or drop the rule")
        )
    return areas
