"""``docs/evidence.md`` lists the evidence for each of the witness's responses, and those without evidence."""

from __future__ import annotations

from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table
from spi_pipeline_tests.imitations.witness.evidence import NONE
from spi_pipeline_tests.imitations.witness.server import SITES

DOCUMENT = REPOSITORY / "docs" / "evidence.md"


def test_every_trait_is_told_with_what_it_rests_on() -> None:
    names: dict[str, list[str]] = {}
    modules = {}
    for name, (module, _) in SITES.items():
        names.setdefault(module.__name__, []).append(f"`{name.upper()}`")
        modules[module.__name__] = module
    rows = [
        [", ".join(names[module]), one.endpoint, one.trait, one.rests_on or NONE]
        for module, found in modules.items()
        for one in found.EVIDENCE
    ]
    header = ["`SPI_ENDPOINT_`", "Answer", "Trait", "Rests on"]
    assert_table(DOCUMENT, "evidence", markdown_table(header, rows))
