"""``docs/evidence.md`` lists the evidence for each of the witness's responses, and those without evidence."""

from __future__ import annotations

from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table
from spi_pipeline_tests.imitations.witness.evidence import NONE
from spi_pipeline_tests.imitations.witness.server import SITES

DOCUMENT = REPOSITORY / "docs" / "evidence.md"


def test_the_page_lists_every_trait_with_its_evidence() -> None:
    names: dict[str, list[str]] = {}
    modules = {}
    for name, (module, _) in SITES.items():
        names.setdefault(module.__name__, []).append(f"`{name.upper()}`")
        modules[module.__name__] = module
    rows = [
        [", ".join(names[module]), item.endpoint, item.trait, item.rests_on or NONE]
        for module, site in modules.items()
        for item in site.EVIDENCE
    ]
    header = ["`SPI_ENDPOINT_`", "Answer", "Trait", "Rests on"]
    assert_table(DOCUMENT, "evidence", markdown_table(header, rows))
