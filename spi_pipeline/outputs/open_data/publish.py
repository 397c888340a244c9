"""Writing the open-data folder: whole, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.csv_files import RULE
from spi_pipeline.outputs.database import build_without_keys
from spi_pipeline.outputs.open_data import csvw, datapackage, dataset
from spi_pipeline.outputs.open_data.description import OpenData
from spi_pipeline.outputs.site.downloads import Download, write_downloads
from spi_pipeline.outputs.site.results import Results
from spi_pipeline.storage.atomic import discard, os_errors, read_bytes, replacing, sha256_of, sync
from spi_pipeline.storage.places import DATABASE, identifier

# Every file and its sha256, in the format of ``sha256sum --check``. It also marks a folder as one of ours.
CHECKSUMS = "checksums.txt"
_DESCRIPTIONS = (datapackage.FILE, csvw.FILE, dataset.FILE)


def publish(source: Path, release: str, to: Path, contracts: Contracts, boundaries: pd.DataFrame) -> list[Download]:
    """Write a publication as a folder that any file server can serve as it is.

    The same publication gives the same bytes, except for the database and its line in ``checksums.txt``.

    Args:
        source: the folder of the publication, which contains its database.
        release: the id of the release, with which the names of files end.
        to: a new or empty folder, or one of an earlier release, which is replaced whole.
        contracts: the contracts it was published under.
        boundaries: ``area_code`` and ``geometry`` (well-known binary, WGS84) of the wards.

    Returns:
        The files for download in the folder.

    Raises:
        SpiError: when nothing is published, a library is missing, ``to`` holds something else, or the disk refuses.
    """
    identifier(release, "release")
    to = to.resolve()
    _refuse_other(to)
    with TemporaryDirectory() as scratch:
        database = build_without_keys(contracts, source / DATABASE, Path(scratch))
        no_postcodes = pd.DataFrame({"postcode": [], "ward_code": []})
        results = Results.of_database(database, boundaries, contracts, no_postcodes)
        with replacing(to) as new:
            new.mkdir()
            files = write_downloads(results, new, f"-{release}")
            _describe(OpenData(results, release, files, new))
            for path in (*new.rglob("*"), new):
                sync(path)
            # ``_refuse_other`` has checked that the old folder is ours. Only an empty folder can be replaced directly.
            previous = new.with_name(f"{new.name}-before")
            if to.exists():
                to.replace(previous)
    if previous.exists():
        discard(previous)
    return files


def _refuse_other(folder: Path) -> None:
    """Refuse to replace a folder that is not ours; ours has checksums that name every file in it."""
    with os_errors(f"{folder} could not be read"):
        sums = (read_bytes(folder / CHECKSUMS) or b"").decode(errors="replace") if folder.is_dir() else ""
        named = {line.partition("  ")[2] for line in sums.splitlines()}
        ours = {CHECKSUMS, *named} if named.issuperset(_DESCRIPTIONS) else set()
        inside = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir()]
        paths = [folder] if folder.exists() and not folder.is_dir() else inside
    if others := [path for path in paths if path.relative_to(folder).as_posix() not in ours]:
        raise SpiError(
            f"{others[0]} was not written by spi publish, and {folder} would be replaced whole; name a new or an empty "
            "folder"
        )


def _describe(data: OpenData) -> None:
    """Write the descriptions of the files, and the checksums of all files."""
    folder = data.folder
    sums = {file.path: sha256_of(folder / file.path) for file in data.files if file.size is not None}
    jsonld = dataset.dataset(data, sums)
    _write(folder / datapackage.FILE, _json(datapackage.datapackage(data, sums)))
    _write(folder / csvw.FILE, _json(csvw.csvw(data)))
    _write(folder / dataset.FILE, _json(jsonld))
    environment = Environment(
        loader=PackageLoader("spi_pipeline.outputs.open_data"), undefined=StrictUndefined, trim_blocks=True,
        autoescape=lambda name: str(name).endswith(".html"),
    )  # fmt: skip
    environment.filters["cell"] = _cell
    # A "<" in the JSON could end the script element of the page that contains it.
    environment.globals.update(
        data=data, rule=RULE, dataset_file=dataset.FILE, jsonld=Markup(_json(jsonld).replace("<", "\\u003c"))
    )
    for name in ("README.md", "index.html"):
        _write(folder / name, environment.get_template(name).render())
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    _write(folder / CHECKSUMS, "".join(lines))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
