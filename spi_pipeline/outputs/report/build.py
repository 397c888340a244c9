"""Makes the report: gathers the text, has Typst lay it out as PDF/UA-1, and tags the names of rows as headers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.outputs.report.content import content
from spi_pipeline.outputs.site.pages.page import Site
from spi_pipeline.outputs.site.results import Results

LAYOUT = Path(__file__).with_name("report.typ")
# The largest font sizes of the first and the second page on a ward, the smallest allowed and the step, in points.
LARGEST, LEAST, STEP = {1: 9.5, 2: 10.5}, 6.0, 0.5
FACES = ("SourceSansPro-Regular.otf", "SourceSansPro-Semibold.otf", "SourceSansPro-Bold.otf")


def report(results: Results) -> bytes:
    """The whole report; the same tables give the same bytes, on any machine with the same packages.

    Fonts come from packages, never from the machine: Source Sans Pro, which has the Welsh letters and the triangles,
    and Typst's own fonts for the rest.

    Args:
        results: the published results.

    Returns:
        A PDF that claims PDF/UA-1, dated with the day the figures were taken.

    Raises:
        SpiError: when a package is not installed, or the text on a ward does not fit on two pages.
    """
    try:
        import font_source_sans_pro
        import typst

        from spi_pipeline.outputs.report.headers import with_row_headers
    except ModuleNotFoundError as error:
        raise SpiError(
            f"the report needs {error.name}, which is not installed; run pip install 'spi-pipeline[report]'"
        ) from error
    data, logo = content(Site(results)), results.contracts.publication.logo
    with TemporaryDirectory() as folder:
        # The package has each face in two formats; given both, Typst would use the one that its folder lists first.
        files = [LAYOUT, *(Path(font_source_sans_pro.font_directory) / face for face in FACES)]
        for file in files if logo is None else [*files, results.contracts.root / logo.file]:
            shutil.copy(file, folder)
        Path(folder, "content.json").write_text(json.dumps(data), encoding="utf-8")
        layout, fonts = str(Path(folder, LAYOUT.name)), typst.Fonts(False, True, [folder])

        def pages_of(label: str) -> dict[str, int]:
            values = typst.query(layout, f"<{label}>", "value", root=folder, font_paths=fonts)
            return {str(part): int(page) for part, page in json.loads(values)}

        try:
            _fit(Path(folder, "sizes.json"), [ward["code"] for ward in data["wards"]], pages_of)
            laid_out = typst.compile(
                layout, root=folder, font_paths=fonts, pdf_standards=["ua-1"], timestamp=int(results.as_of.timestamp())
            )
        except typst.TypstError as error:
            raise SpiError(f"the report cannot be laid out: {error.message}") from error
    return with_row_headers(laid_out)


def _fit(file: Path, codes: list[str], pages_of: Callable[[str], dict[str, int]]) -> None:
    """Write the font size of each page on a ward: the largest at which everything fits.

    Each attempt lays out the whole report, since Typst keeps all that it measures within one layout: 50 MB a ward.

    Args:
        file: where the layout reads the sizes, in points.
        codes: the codes of the wards.
        pages_of: returns the page that each part with a label lies on, at the current sizes.
    """
    sizes = {f"{code}-{page}": largest for code in codes for page, largest in LARGEST.items()}
    while True:
        file.write_text(json.dumps(sizes), encoding="utf-8")
        begins, ends = pages_of("begins"), pages_of("ends")
        over = [part for part in sizes if ends[part] > begins[part]]
        if not over:
            return
        for part in over:
            sizes[part] -= STEP
            if sizes[part] < LEAST:
                raise SpiError(f"the report cannot be laid out: the text on ward {part[:-2]} does not fit on two pages")
