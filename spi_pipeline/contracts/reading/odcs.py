"""From an ODCS document to a ``Source`` or ``Product``: looks up its words and builds its columns and rules."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from spi_pipeline.contracts.declared import declared_rules
from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.places import TablePlaces
from spi_pipeline.contracts.models.tables import Column, Product, Source, SourceProperties, level_of
from spi_pipeline.contracts.models.vocabulary import Vocabulary
from spi_pipeline.contracts.quality import implied_rules, of_england
from spi_pipeline.contracts.reading.documents import Document, Path_, unknown
from spi_pipeline.contracts.reading.standard import (
    ColumnElement,
    ContractFile,
    ProductFile,
    SourceFile,
    TableElement,
    read_standard,
)
from spi_pipeline.rules.evaluable import why_not_evaluable
from spi_pipeline.rules.kinds.agrees_with_total import AgreesWithTotal
from spi_pipeline.rules.rule import Rule


def read_source(document: Document, vocabulary: Vocabulary, geography: Geography, faults: list[Fault]) -> Source | None:
    """Read one source contract; None if it has faults, which are appended to ``faults``."""
    file = read_standard(SourceFile, document, faults)
    if file is None:
        return None
    own_faults: list[Fault] = []
    held = geography.restricted(file.id)
    reader = _Reader(document, vocabulary, held if held.authorities else geography, own_faults)
    properties, table = file.custom, file.tables[0]
    reader.head(file, properties.licence)
    reader.own(properties)
    if file.status == "draft":
        reader.fault(("status",), "this is a draft, and drafts are not in force; review it, then set status: active")
    reader.levels(("customProperties", "geography", "levels"), properties.geography.levels)
    if properties.useful_life:
        lives = vocabulary.useful_lives
        reader.word(("customProperties", "useful_life"), properties.useful_life, "useful life", lives)
    for index, column in enumerate(table.columns):
        if not column.custom.concept:
            path = ("schema", 0, "properties", index)
            reader.fault(path, f"column {column.name} declares no concept; every source column needs one")
    period = properties.period.column
    names = [column.name for column in table.columns]
    if period and period not in names:
        reader.fault(("customProperties", "period", "column"), unknown(period, "column of this table", names))
    reader.totals(table, properties.no_total)
    for index, restriction in enumerate(properties.restrictions):
        for place, name in enumerate(restriction.columns):
            if name not in names:
                where: Path_ = ("customProperties", "restrictions", index, "columns", place)
                reader.fault(where, unknown(name, "column of this table", names))
    columns = reader.columns(table.columns)
    rules = reader.rules(table, columns, properties.geography.levels, properties.geography.vintage)
    if held.authorities and len(held.authorities) < len(geography.authorities):
        # The lookups list the small areas of every authority, including those for which the source holds nothing.
        rules = tuple(rule for rule in rules if rule.kind != "coverage" or "areas" in rule.params)
    faults.extend(own_faults)
    if own_faults:
        return None
    cadence, grace = vocabulary.cadences[file.sla.frequency], file.sla.grace
    source = Source(
        **_head(document, file, properties.licence),
        columns=columns,
        rules=rules,
        properties=properties,
        cycle_days=cadence.cycle_days,
        grace_days=cadence.grace_days if grace is None else grace,
    )
    return source if held.authorities else source.without_rows


def read_product(
    document: Document, vocabulary: Vocabulary, geography: Geography, faults: list[Fault]
) -> Product | None:
    """Read one product contract; None if it has faults, which are appended to ``faults``."""
    file = read_standard(ProductFile, document, faults)
    if file is None:
        return None
    own_faults: list[Fault] = []
    reader = _Reader(document, vocabulary, geography, own_faults)
    reader.head(file, file.custom.licence)
    reader.levels(("customProperties", "levels"), file.custom.levels)
    columns = reader.columns(file.tables[0].columns)
    if geography.national:
        # Widened here, so that rules and the database have the same bounds.
        columns = tuple(map(of_england, columns))
    parts, names = file.custom.parts, [column.name for column in columns]
    if parts and parts not in names:
        reader.fault(("customProperties", "parts"), unknown(parts, "column of this table", names))
        parts = ""
    may_be_empty = bool(file.custom.may_be_empty)
    rules = reader.rules(file.tables[0], columns, file.custom.levels, parts=parts, may_be_empty=may_be_empty)
    faults.extend(own_faults)
    head = _head(document, file, file.custom.licence)
    return None if own_faults else Product(**head, columns=columns, rules=rules, published=file.custom.published)


def _head(document: Document, file: ContractFile, licence: str) -> dict[str, Any]:
    return {
        "id": file.id,
        "title": file.name,
        "version": file.version,
        "owner": file.team.name,
        "support": ", ".join(map(str, file.support)),
        "licence": licence,
        "cadence": file.sla.frequency,
        "description": " ".join(file.description.purpose.split()),
        "limits": " ".join(file.description.limitations.split()),
        "file": document.file,
    }


@dataclass
class _Reader:
    """Reads one ODCS document and collects its faults in ``faults``."""

    document: Document
    vocabulary: Vocabulary
    geography: Geography
    faults: list[Fault]

    def fault(self, path: Path_, message: str) -> None:
        self.faults.append(self.document.fault(path, message))

    def word(self, path: Path_, word: str, kind: str, known: Collection[str], prefix: str = "") -> None:
        """Refuse a word that is not in its vocabulary."""
        if word not in known:
            self.fault(path, prefix + unknown(word, f"{kind} of vocabulary.yaml", known))

    def head(self, file: ContractFile, licence: str) -> None:
        """Check the words that every contract declares for its table as a whole."""
        self.word(("slaProperties", "frequency"), file.sla.frequency, "cadence", self.vocabulary.cadences)
        self.word(("customProperties", "licence"), licence, "licence", self.vocabulary.licences)

    def own(self, properties: SourceProperties) -> None:
        """Check that a council's own table declares the level of areas in which its rows are placed."""
        if properties.own:
            wanted = level_of(properties.own.placed_by)
            if properties.geography.levels != [wanted]:
                message = (
                    f"rows placed by {properties.own.placed_by} are added up by {wanted}; declare levels: [{wanted}]"
                )
                self.fault(("customProperties", "geography"), message)

    def levels(self, path: Path_, levels: list[str]) -> None:
        for index, level in enumerate(levels):
            self.word((*path, index), level, "level", self.vocabulary.levels)

    def totals(self, table: TableElement, none_because: str) -> None:
        """Check that a source declares a published total with which it must agree, or why there is none."""
        licences, declared = self.vocabulary.licences, False
        for index, element in enumerate(table.quality):
            if element.implementation.get("rule") == AgreesWithTotal.name:
                path: Path_ = ("schema", 0, "quality", index, "implementation", "licence")
                self.word(path, str(element.implementation.get("licence")), "licence", licences, f"rule {element.id}: ")
                declared = True
        if declared and none_because:
            self.fault(("customProperties", "no_total"), "the contract declares a total as well; drop no_total")
        elif not declared and not none_because:
            message = (
                f"no published total is declared; add a rule {AgreesWithTotal.name}, or give the reason as no_total"
            )
            self.fault(("schema", 0), message)

    def columns(self, elements: list[ColumnElement]) -> tuple[Column, ...]:
        names: list[str] = []
        for index, element in enumerate(elements):
            path: Path_ = ("schema", 0, "properties", index)
            prefix, custom = f"column {element.name}: ", element.custom
            if element.name in names:
                self.fault(path, f"column {element.name} appears twice; keep one of them")
            names.append(element.name)
            if custom.unit:
                self.word((*path, "customProperties", "unit"), custom.unit, "unit", self.vocabulary.units, prefix)
            elif element.logical_type in ("integer", "number"):
                self.fault(path, f"{prefix}holds numbers but declares no unit; say what they count or measure")
            if custom.concept:
                concepts = self.vocabulary.concepts
                self.word((*path, "customProperties", "concept"), custom.concept, "concept", concepts, prefix)
        positions = sorted(element.key_position for element in elements if element.primary_key)
        if positions != list(range(1, len(positions) + 1)):
            listed = ", ".join(map(str, positions))
            self.fault(("schema", 0, "properties"), f"primary key positions are {listed}; they must count up from 1")
        return tuple(self._column(element) for element in elements)

    def _column(self, element: ColumnElement) -> Column:
        options, custom = element.options, element.custom
        key = element.key_position if element.primary_key else 0
        unit = self.vocabulary.units.get(custom.unit)
        minimum, maximum = (unit.minimum, unit.maximum) if unit else (None, None)
        return Column(
            name=element.name,
            type="binary" if options.format == "binary" and element.logical_type == "string" else element.logical_type,
            description=element.description,
            required=element.required or key > 0,
            key=key,
            unit=custom.unit,
            concept=custom.concept,
            published_name=custom.published_name,
            minimum=minimum if options.minimum is None else options.minimum,
            maximum=maximum if options.maximum is None else options.maximum,
            mean_magnitude=custom.mean_magnitude,
            pattern=options.pattern,
            values=tuple(allowed.value for allowed in element.enum),
        )

    def rules(
        self,
        table: TableElement,
        columns: tuple[Column, ...],
        levels: list[str],
        vintage: int | None = None,
        parts: str = "",
        *,
        may_be_empty: bool = False,
    ) -> tuple[Rule, ...]:
        """The implied rules, then the declared ones."""
        places = TablePlaces(levels, vintage, self.geography, sure=set(levels) <= self.vocabulary.levels.keys())
        declared = declared_rules(self.document, table.quality, columns, places, parts, self.faults)
        bounded = any(element.metric or element.implementation.get("rule") == "coverage" for element in table.quality)
        if not bounded and not may_be_empty:
            message = (
                "the table has neither a row-count nor a coverage rule, so an empty table would go unnoticed; add one"
            )
            self.fault(("schema", 0), message)
        elif vintage is not None and not self.faults and not any(map(_fails_on_empty, declared)):
            message = "no rule on rows or coverage can fail on an empty table; let a row count begin at 1"
            self.fault(("schema", 0), message)
        if self.faults:
            return ()
        rules = implied_rules(columns, places, self.vocabulary, parts)
        for index, rule in enumerate(declared):
            if any(rule.id == other.id for other in rules):
                self.fault(("schema", 0, "quality", index), f"rule id {rule.id!r} is used already; rename this rule")
            rules.append(rule)
        self._refuse_never_judged(rules, [rule.id for rule in declared], columns)
        return tuple(rules)

    def _refuse_never_judged(self, rules: list[Rule], declared: list[str], columns: tuple[Column, ...]) -> None:
        """Refuse a rule that cannot be evaluated on these columns: it would be skipped in every run."""
        types = {column.name: column.type for column in columns}
        for rule in rules:
            # Small areas are not known before their lookups are available.
            if "geographies" not in rule.params and (why := why_not_evaluable(rule, types, ())):
                path: Path_ = ("schema", 0)
                if rule.id in declared:
                    path = ("schema", 0, "quality", declared.index(rule.id))
                self.fault(path, f"rule {rule.id} can never be judged: {why.reason}; drop it or correct the column")


def _fails_on_empty(rule: Rule) -> bool:
    """Whether a rule fails on a table without rows."""
    return rule.kind == "coverage" or (rule.kind == "row_count" and (rule.params.get("min") or 0) > 0)
