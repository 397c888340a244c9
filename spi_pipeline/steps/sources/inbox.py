"""Files that somebody laid into the inbox of a source, taken over as its publisher's answers would be."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from urllib.parse import quote

from spi_pipeline.contracts.download import Download
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http import bodies
from spi_pipeline.storage import places
from spi_pipeline.storage.raw import Raw

_MONTH = re.compile(r"(20\d{2})[-_]?(0[1-9]|1[0-2])(?!\d)")
_YEAR = re.compile(r"(?<!\d)20\d{2}(?!\d)")


def laid_in(raw: Raw, source_id: str, file: Path) -> Download:
    """Take a file over: it is kept as an answer is, for the month or year that its name tells.

    Raises:
        SpiError: when it is not of the form its name says, or damaged.
    """
    shown = places.inbox(source_id, file.name)
    form = bodies.SUFFIXES.get(file.suffix.lower())
    if form is None:
        raise SpiError(f"{shown} is none of {', '.join(bodies.SUFFIXES)}; lay in the file as the publisher offers it")
    with raw.receiving() as body:
        shutil.copyfile(file, body)
        try:
            bodies.judge(body, (form,), "", bounded=True)
        except SpiError as error:
            raise SpiError(f"{shown}: {error}; lay it in again") from error
        found = _MONTH.search(file.name)
        year = _YEAR.search(file.name)
        period = "-".join(found.groups()) if found else year.group() if year else ""
        key = f"inbox-{hashlib.sha256(file.name.encode()).hexdigest()[:32]}"
        return raw.keep(key, body, quote(shown), period, None, {})
