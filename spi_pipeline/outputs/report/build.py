"""Makes the report: what is said, laid out by Typst as PDF/UA-1, the names of rows tagged as headers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.outputs.report.content import content
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Results

LAYOUT = Path(__file__).with_name("report.typ")
FACES = ("SourceSansPro-Regular.otf", "SourceSansPro-Semibold.otf", "SourceSansPro-Bold.otf")


def report(results: Results) -> bytes:
    """The whole report; the same tables give the same bytes, on any machine with the same packages.

    Letters are those of the packages, never of the machine: Source Sans Pro, which has Welsh ones and triangles, and
    what Typst carries itself for the rest.

    Args:
        results: what was published.

    Returns:
        A PDF that claims PDF/UA-1, dated by the day the figures were taken.

    Raises:
        SpiError: when the packages are not installed, or a ward has more to say than two pages hold.
    """
    try:
        import font_source_sans_pro
        import typst

        from spi_pipeline.outputs.report.headers import with_row_headers
    except ModuleNotFoundError as error:
        raise SpiError(
            f"the report needs {error.name}, which is not installed; run pip install 'spi-pipeline[report]'"
        ) from error
    told, logo = content(Site(results)), results.contracts.publication.logo
    with TemporaryDirectory() as folder:
        # The package has each face in two formats, of which Typst would take the one that its folder names first.
        taken = [LAYOUT, *(Path(font_source_sans_pro.font_directory) / face for face in FACES)]
        for file in taken if logo is None else [*taken, results.contracts.root / logo.file]:
            shutil.copy(file, folder)
        Path(folder, "content.json").write_text(json.dumps(told), encoding="utf-8")
        try:
            laid_out = typst.compile(
                str(Path(folder, LAYOUT.name)),
                root=folder,
                font_paths=typst.Fonts(include_system_fonts=False, font_paths=[folder]),
                pdf_standards=["ua-1"],
                timestamp=int(results.as_of.timestamp()),
            )
        except typst.TypstError as error:
            raise SpiError(f"the report cannot be laid out: {error.message}") from error
    return with_row_headers(laid_out)
