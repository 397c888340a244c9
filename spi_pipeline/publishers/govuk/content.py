"""GOV.UK: its content API, through which files are found.

A file that is corrected gets a new address, so it is looked up each time.
"""

import re
from collections.abc import Mapping, Sequence
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
    return matching([url for url, _ in attached(about)], pattern, path)


def matching(urls: Sequence[str], pattern: str, path: str) -> list[str]:
    """Those of some attachments, by their addresses or names, whose name matches a regular expression.

    Raises:
        PermanentFailure: when none does, naming those of the page ``path``.
    """
    found = [url for url in urls if re.search(pattern, url, re.IGNORECASE)]
    if not found:
        raise PermanentFailure(
            f"{path} of {PUBLISHER} has no attachment {pattern}, it has {listed([*map(name_of, urls)])}; see the page"
        )
    return found


def attached(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The address and title of each attachment of a page."""
    found = (about.get("details") or {}).get("attachments") or []
    return [(str(one.get("url")), str(one.get("title"))) for one in found]


def name_of(address: str) -> str:
    """The last part of an address."""
    return address.rsplit("/", 1)[-1]


def check_all_there(codes: pd.Series, scope: Scope, name: str) -> None:
    """Refuse a file that lacks areas of ours."""
    absent = sorted(set(scope.lsoas) - set(codes))
    if absent:
        raise SpiError(
            f"{name} of {PUBLISHER} lacks {len(absent)} LSOAs of ours, {listed(absent)}; fetch it again, whole"
        )
