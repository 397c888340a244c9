"""``dataset.jsonld``: schema.org's Dataset, which search engines use to find data; ``index.html`` embeds it too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from spi_pipeline.outputs.open_data.description import MEDIA_TYPES, OpenData
from spi_pipeline.outputs.site.downloads import Download

FILE = "dataset.jsonld"


def dataset(data: OpenData, sums: Mapping[str, str]) -> dict[str, Any]:
    """The description of the whole folder.

    Args:
        data: the publication.
        sums: the sha256 of each file except the database, by its path.
    """
    results = data.results
    return {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": data.title,
        "description": data.about,
        "identifier": f"{data.name}/{data.release}",
        "version": data.release,
        "dateModified": data.as_of,
        "temporalCoverage": f"{results.editions[0]}/{results.edition}",
        "spatialCoverage": {"@type": "Place", "name": results.town.name, "identifier": results.town.code},
        "isAccessibleForFree": True,
        "license": [licence.url for licence in data.licences.values()],
        **({"publisher": {"@type": "Organization", **data.publisher}} if data.publisher else {}),
        "variableMeasured": [
            {
                "@type": "PropertyValue",
                "name": element.title,
                "identifier": element.id,
                "description": element.description,
            }
            for element in results.elements.values()
        ],
        "isBasedOn": [
            {
                "@type": "Dataset",
                "name": source.properties.dataset,
                "description": source.description,
                "url": source.properties.url,
                "license": data.contracts.vocabulary.licences[source.properties.licence].url,
                "creditText": source.properties.attribution,
                "publisher": {"@type": "Organization", "name": source.properties.publisher},
            }
            for source in data.sources
        ],
        "distribution": [_download(file, sums) for file in data.files],
    }


def _download(file: Download, sums: Mapping[str, str]) -> dict[str, Any]:
    entry = {
        "@type": "DataDownload",
        "name": file.title,
        "description": file.holds,
        "contentUrl": file.path,
        "encodingFormat": MEDIA_TYPES[PurePath(file.path).suffix],
    }
    return entry if file.size is None else {**entry, "contentSize": f"{file.size} B", "sha256": sums[file.path]}
