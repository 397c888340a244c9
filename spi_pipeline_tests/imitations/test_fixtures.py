"""Each publisher's fixtures match its module: they imitate its hosts, and its sources read the files."""

from __future__ import annotations

from collections import Counter
from types import ModuleType

import pytest

from spi_pipeline.publishers.offers import PUBLISHERS
from spi_pipeline_tests.imitations.fixtures import FILES, fixture_of


@pytest.mark.parametrize("publisher", PUBLISHERS, ids=lambda one: one.__name__.rpartition(".")[2])
def test_fixtures_imitate_the_hosts_and_files_a_publisher_declares(publisher: ModuleType) -> None:
    fixture = fixture_of(publisher)
    served = getattr(fixture, "SERVED", {})
    assert [name.upper() for name, one in served.items() if one.is_host] == [host.name for host in publisher.HOSTS]
    assert [name for name, one in served.items() if publisher.OFFERS[one.source].fetch is None] == []
    assert [name for name in getattr(fixture, "FILES", {}) if publisher.OFFERS[name].read is None] == []


def test_a_file_belongs_to_one_source() -> None:
    owners = Counter(name for files in FILES.values() for name in files)
    assert [name for name, times in owners.items() if times > 1] == []
