"""Makes the report: what is said, laid out by Typst as PDF/UA-1, the names of rows tagged as headers."""

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
# Letters of the first and the second page on a ward, in points.
LARGEST, LEAST, STEP = {1: 9.5, 2: 10.5}, 6.0, 0.5
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
        layout, fonts = str(Path(folder, LAYOUT.name)), typst.Fonts(False, True, [folder])

        def asked(label: str) -> dict[str, int]:
            told = typst.query(layout, f"<{label}>", "value", root=folder, font_paths=fonts)
            return {str(part): int(page) for part, page in json.loads(told)}

        try:
            _fit(Path(folder, "sizes.json"), [ward["code"] for ward in told["wards"]], asked)
            laid_out = typst.compile(
                layout, root=folder, font_paths=fonts, pdf_standards=["ua-1"], timestamp=int(results.as_of.timestamp())
            )
        except typst.TypstError as error:
            raise SpiError(f"the report cannot be laid out: {error.message}") from error
    return with_row_headers(laid_out)


def _fit(file: Path, codes: list[str], asked: Callable[[str], dict[str, int]]) -> None:
    """Write the size of letters of each page on a ward: the largest with which it all has room.

    Layouts are tried whole, since Typst keeps what it measures: within one layout that came to 50 MB a ward.

    Args:
        file: where the layout looks for the sizes, in points.
        codes: of the wards.
        asked: answers on which page each part of a label lies, with the sizes as they are.
    """
    sizes = {f"{code}-{page}": largest for code in codes for page, largest in LARGEST.items()}
    while True:
        file.write_text(json.dumps(sizes), encoding="utf-8")
        begins, ends = asked("begins"), asked("ends")
        over = [part for part in sizes if ends[part] > begins[part]]
        if not over:
            return
        for part in over:
            sizes[part] -= STEP
            if sizes[part] < LEAST:
                raise SpiError(
                    f"the report cannot be laid out: two pages do not hold what is said of the ward {part[:-2]}"
                )
