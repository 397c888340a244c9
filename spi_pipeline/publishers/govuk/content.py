"""GOV.UK: its content API, through which files are found.

A corrected file gets a new address, so addresses are looked up each time.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import Client, Host, PermanentFailure, Request, Scope
from spi_pipeline.rules.wording import listing

PUBLISHER = "GOV.UK"
CONTENT = Host("GOVUK_CONTENT", "https://www.gov.uk/api/content")
ASSETS = Host("GOVUK_ASSETS", "https://assets.publishing.service.gov.uk")


def page(client: Client, path: str) -> Mapping[str, Any]:
    """Fetch what the API holds of a page."""
    content = client.read_json(Request(CONTENT, path, media=("json",)))
    if not isinstance(content, dict):
        raise PermanentFailure(f"the content API of {PUBLISHER} returned no page for {path}; see whether it moved")
    return content


def attachments(content: Mapping[str, Any], pattern: str, path: str) -> list[str]:
    """Return the addresses of a page's attachments whose name matches a regular expression, at least one.

    Raises:
        PermanentFailure: when none matches.
    """
    return matching([url for url, _ in attached(content)], pattern, path)


def matching(urls: Sequence[str], pattern: str, path: str) -> list[str]:
    """Return the addresses or names of attachments that match a regular expression.

    Raises:
        PermanentFailure: when none matches, naming the attachments of the page ``path``.
    """
    matches = [url for url in urls if re.search(pattern, url, re.IGNORECASE)]
    if not matches:
        raise PermanentFailure(
            f"{path} of {PUBLISHER} has no attachment {pattern}, it has {listing([*map(name_of, urls)])}; see the page"
        )
    return matches


def attached(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the address and title of each attachment of a page."""
    items = (content.get("details") or {}).get("attachments") or []
    return [(str(item.get("url")), str(item.get("title"))) for item in items]


def name_of(address: str) -> str:
    """Return the last part of an address."""
    return address.rsplit("/", 1)[-1]


def check_all_there(codes: pd.Series, scope: Scope, name: str) -> None:
    """Refuse a file that lacks areas of ours."""
    absent = sorted(set(scope.lsoas) - set(codes))
    if absent:
        raise SpiError(
            f"{name} of {PUBLISHER} lacks {len(absent)} LSOAs of ours, {listing(absent)}; download it again, whole"
        )
