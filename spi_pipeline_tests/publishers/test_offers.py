"""Publishers' offers match the contracts, and each source and each address has one publisher."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from spi_pipeline import publishers
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.geography import OF_ENGLAND
from spi_pipeline.publishers.offers import HOSTS, OFFERS, _together
from spi_pipeline.snapshot.build import REFERENCE
from spi_pipeline_tests.integration.sandboxes import CONTRACTS
from spi_pipeline_tests.test_structure import imported

# Offers whose source a framework may leave out.
OPTIONAL = {"census_age", "census_disability", "census_tenure", "census_unpaid_care"}
SOURCES = load_contracts(CONTRACTS).sources
# Sources made here from the tables of others.
COMPUTED = {REFERENCE, *OF_ENGLAND.values()}
LIVE = {name for name, source in SOURCES.items() if source.properties.mode == "live"}


def test_every_source_has_one_publisher() -> None:
    assert SOURCES.keys() - OFFERS.keys() == COMPUTED
    assert OFFERS.keys() - SOURCES.keys() <= OPTIONAL


def test_a_live_source_is_parsed_and_a_frozen_one_is_neither_fetched_nor_parsed() -> None:
    # docs/publishers.md lists the live sources for which nothing is fetched; the tests of that page check the list.
    assert {name for name, offer in OFFERS.items() if offer.parse} - OPTIONAL == LIVE - OPTIONAL
    assert [name for name, offer in OFFERS.items() if (offer.fetch or offer.news) and not offer.parse] == []


def test_a_frozen_source_is_read_from_files() -> None:
    assert [name for name in SOURCES.keys() - LIVE - COMPUTED if OFFERS[name].read is None] == []


def test_an_address_belongs_to_one_host() -> None:
    bases = [urlsplit(host.base).hostname for host in HOSTS.values()]
    redirects = [name for host in HOSTS.values() for name in host.redirects]
    assert len({*bases, *redirects}) == len([*bases, *redirects])


def test_shared_packages_import_no_publisher() -> None:
    shared = {f"{publishers.__name__}.{name}" for name in ("http", "files")}
    folder = Path(publishers.__path__[0])
    files = [*folder.glob("http/*.py"), *folder.glob("files/*.py")]
    assert len(files) > 10
    for file in files:
        imports = imported(file.read_text(encoding="utf-8"))
        ours = {".".join(name.split(".")[:3]) for name in imports if name.startswith(f"{publishers.__name__}.")}
        assert ours <= shared, file.name


def test_a_source_declared_by_two_publishers_is_refused() -> None:
    assert _together([("a", 1), ("b", 2)]) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match=r"^two publishers declare a$"):
        _together([("a", 1), ("a", 1)])
