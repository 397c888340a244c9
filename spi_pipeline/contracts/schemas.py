"""JSON schemas of the project's own kinds of YAML file: with them an editor completes keys and marks faults.

Sources and products are ODCS files, whose schema the standard publishes.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.corrections import CorrectionFile
from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.models.indicators import Context, IndicatorFile
from spi_pipeline.contracts.models.own_areas import OwnArea
from spi_pipeline.contracts.models.publication import SitePublication
from spi_pipeline.contracts.models.published_findings import PublishedFindings
from spi_pipeline.contracts.models.recent import Recent
from spi_pipeline.contracts.models.sanity import Sanity
from spi_pipeline.contracts.models.targets import Targets
from spi_pipeline.contracts.models.vocabulary import Vocabulary

_MODELS: dict[str, type[BaseModel]] = {
    "vocabulary": Vocabulary,
    "geography": Geography,
    "framework": Framework,
    "indicators": IndicatorFile,
    "context": Context,
    "areas": OwnArea,
    "corrections": CorrectionFile,
    "sanity": Sanity,
    "published_findings": PublishedFindings,
    "recent": Recent,
    "targets": Targets,
    "publication": SitePublication,
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """The JSON schema of each kind of file, by the name of its schema file."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {f"{name}.json": dialect | model.model_json_schema() for name, model in _MODELS.items()}


def schema_text(schema: dict[str, Any]) -> str:
    """The text of a schema file; the same schema always gives the same text."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> None:
    """Write every schema.

    Args:
        folder: the folder to write to, ``data_contracts/schema`` in a checkout.

    Raises:
        SpiError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, schema in json_schemas().items():
            (folder / name).write_text(schema_text(schema), encoding="utf-8")
    except OSError as error:
        raise SpiError(f"the schemas were not written to {folder}: {error.strerror or error}") from error
