"""The part of the Open Data Contract Standard (ODCS v3) that the pipeline reads, and our custom properties in it.

The standard's own model judges the file first: a key that it does not know, at any depth, is a fault. The models here
type the fields that the pipeline reads; a contract may hold other fields of the standard, which the pipeline ignores.
ODCS has no place for licence, unit, concept or geography, so these are custom properties, and an unknown one is a
fault.
"""

from __future__ import annotations

import re
from typing import Any, Literal, TypeVar

from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.models.indicators import Id
from spi_pipeline.contracts.models.tables import SourceProperties
from spi_pipeline.contracts.models.vocabulary import Strict
from spi_pipeline.contracts.reading.documents import Document, Path_, validate


class _Element(BaseModel):
    """Base of the standard's elements: fields not named here are ignored."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)


class TypeOptions(Strict):
    """The standard's ``logicalTypeOptions``, as far as the pipeline understands them."""

    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    format: Literal["", "binary"] = ""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"it is not a regular expression ({error})") from error
        return pattern

    @model_validator(mode="after")
    def _ordered(self) -> TypeOptions:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        return self


class ColumnProperties(Strict):
    """The custom properties of a column; see ``models.tables.Column``."""

    unit: str = ""
    concept: str = ""
    published_name: str = ""
    mean_magnitude: tuple[float, float] | None = None

    @field_validator("mean_magnitude")
    @classmethod
    def _ordered(cls, mean_magnitude: tuple[float, float] | None) -> tuple[float, float] | None:
        if mean_magnitude and not 0 <= mean_magnitude[0] < mean_magnitude[1]:
            raise ValueError("a typical size needs a lower end of at least 0 and a higher upper end")
        return mean_magnitude


class AllowedValue(_Element):
    """One value of a column's closed list."""

    value: str


class ColumnElement(_Element):
    """One entry of ``schema.properties``."""

    name: str = Field(pattern=Id)
    logical_type: Literal["string", "integer", "number", "boolean", "date", "timestamp"] = Field(alias="logicalType")
    description: str = Field(min_length=1)
    required: bool = False
    primary_key: bool = Field(default=False, alias="primaryKey")
    key_position: int = Field(default=1, ge=1, alias="primaryKeyPosition")
    options: TypeOptions = Field(default=TypeOptions(), alias="logicalTypeOptions")
    custom: ColumnProperties = Field(default=ColumnProperties(), alias="customProperties")
    enum: list[AllowedValue] = Field(default=[])


class QualityElement(_Element):
    """One entry of ``schema.quality``; ``contracts.declared`` reads the rest of it."""

    id: str = Field(pattern=Id)
    type: Literal["library", "custom"]
    severity: Literal["error", "warning"] = "error"
    description: str = ""
    metric: Literal["rowCount"] | None = None
    engine: Literal["spi"] | None = None
    implementation: dict[str, Any] = Field(default={})

    @model_validator(mode="after")
    def _understood(self) -> QualityElement:
        if (self.type == "library") != (self.metric is not None) or (self.type == "custom") != (
            self.engine is not None
        ):
            raise ValueError(
                "only type library with metric rowCount, or type custom with engine spi, is understood here"
            )
        return self


class TableElement(_Element):
    """The one entry of ``schema``."""

    name: str
    columns: list[ColumnElement] = Field(min_length=1, alias="properties")
    quality: list[QualityElement] = Field(default=[])


class _Description(_Element):
    purpose: str = Field(min_length=1)
    limitations: str = ""


class ServiceLevel(_Element):
    """The service level: a cadence, and the days of grace if they differ from the cadence's own."""

    frequency: str
    grace: int | None = Field(default=None, ge=0)


class Team(_Element):
    """The team responsible for a contract."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")


class SupportChannel(_Element):
    """A channel for questions about the table."""

    channel: str = Field(min_length=1)
    url: str = ""
    description: str = ""

    def __str__(self) -> str:
        details = ", ".join(filter(None, (self.description, self.url)))
        return f"{self.channel} ({details})" if details else self.channel


class ProductProperties(Strict):
    """The custom properties of a product.

    Attributes:
        licence: word of the licence vocabulary.
        levels: levels to which its ``area_code`` may belong.
        parts: the column that splits it into parts; empty if it is not split.
        published: whether readers get it; False if only other steps read it.
        may_be_empty: why it may hold no row; if empty, the product needs a rule that notices an empty table.
    """

    licence: str
    levels: list[str] = Field(default=[])
    parts: str = ""
    published: bool = True
    may_be_empty: str = ""


class ContractFile(_Element):
    """The fields that source and product contracts have in common."""

    api_version: str = Field(alias="apiVersion", pattern=r"^v3\.")
    kind: Literal["DataContract"]
    id: str = Field(pattern=Id)
    name: str = Field(min_length=1)
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    status: Literal["proposed", "draft", "active", "deprecated", "retired"]
    team: Team
    support: list[SupportChannel] = Field(min_length=1)
    description: _Description
    sla: ServiceLevel = Field(alias="slaProperties")
    tables: list[TableElement] = Field(min_length=1, max_length=1, alias="schema")


class SourceFile(ContractFile):
    """A source contract."""

    custom: SourceProperties = Field(alias="customProperties")


class ProductFile(ContractFile):
    """A product contract."""

    custom: ProductProperties = Field(alias="customProperties")


FileType = TypeVar("FileType", bound=ContractFile)


def read_standard(model: type[FileType], document: Document, faults: list[Fault]) -> FileType | None:
    """Read one ODCS file.

    Args:
        model: ``SourceFile`` or ``ProductFile``.
        document: the file.
        faults: receives every fault; those of our own models only if the standard's model finds none.

    Returns:
        The file as typed values, or None if there were faults.
    """
    if validate(OpenDataContractStandard, document, document.data, (), faults, lenient=True) is None:
        return None
    before = len(faults)
    file = validate(model, document, _by_name(document.data, (), document, faults), (), faults)
    if file is None or len(faults) > before:
        return None
    stem = document.file.rsplit("/", 1)[-1].removesuffix(".yaml")
    named: list[tuple[Path_, str]] = [(("id",), file.id), (("schema", 0, "name"), file.tables[0].name)]
    wrong = [
        document.fault(path, f"{name!r} must be the file's own name, {stem!r}") for path, name in named if name != stem
    ]
    faults.extend(wrong)
    return None if wrong else file


def _by_name(data: Any, path: Path_, document: Document, faults: list[Fault]) -> Any:
    """The data with every list of ``{property, value}`` pairs as a mapping."""
    if isinstance(data, list):
        return [_by_name(item, (*path, index), document, faults) for index, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    built = {key: _by_name(value, (*path, key), document, faults) for key, value in data.items()}
    for key in built.keys() & {"customProperties", "slaProperties"}:
        pairs: dict[str, Any] = {}
        for index, item in enumerate(built[key] or []):
            name = str(item.get("property"))
            if name in pairs:
                faults.append(document.fault((*path, key, index), f"{name} appears twice; keep one of them"))
            pairs[name] = item.get("value")
        built[key] = pairs
    return built
