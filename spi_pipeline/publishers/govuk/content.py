"""GOV.UK: its content API, through which files are found.

A file that is corrected gets a new address, so it is looked up each time.
"""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.http.exchange import Client, Host, PermanentFailure, Request, Scope

PUBLISHER = "GOV.UK"
CONTENT = Host("GOVUK_CONTENT", "https://www.gov.uk/api/content")
ASSETS = Host("GOVUK_ASSETS", "https://assets.publishing.service.gov.uk")


def page(client: Client, path: str) -> Mapping[str, Any]:
    """What the API says of a page."""
    found = client.read_json(Request(CONTENT, path, media=("json",)))
    if not isinstance(found, dict):
        raise PermanentFailure(f"the content API of {PUBLISHER} answered no page for {path}; see whether it moved")
    return found


def attachments(about: Mapping[str, Any], pattern: str, path: str) -> list[str]:
    """The addresses of a page's attachments whose name matches a regular expression; there is at least one."""
    listed_files = [str(one.get("url")) for one in (about.get("details") or {}).get("attachments") or []]
    found = [url for url in listed_files if re.search(pattern, url, re.IGNORECASE)]
    if not found:
        names = [url.rsplit("/", 1)[-1] for url in listed_files]
        raise PermanentFailure(
            f"{path} of {PUBLISHER} has no attachment {pattern}, it has {listed(names)}; see the page"
        )
    return found


def check_all_there(codes: pd.Series, scope: Scope, name: str) -> None:
    """Refuse a file that lacks areas of ours."""
    absent = sorted(set(scope.lsoas) - set(codes))
    if absent:
        raise SpiError(
            f"{name} of {PUBLISHER} lacks {len(absent)} LSOAs of ours, {listed(absent)}; fetch it again, whole"
        )
