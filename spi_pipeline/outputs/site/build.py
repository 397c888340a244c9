"""The whole site as files, and as a folder: pages of every kind, and what they share."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import Environment, PackageLoader, StrictUndefined

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.publication import Colours
from spi_pipeline.outputs.site import drawing, figures, words
from spi_pipeline.outputs.site.audit import refuse_faults
from spi_pipeline.outputs.site.downloads import Download, write_downloads
from spi_pipeline.outputs.site.facts import Facts
from spi_pipeline.outputs.site.pages import KINDS
from spi_pipeline.outputs.site.pages.page import Kind, Page, Site, SiteFile
from spi_pipeline.outputs.site.results import Results
from spi_pipeline.storage.atomic import os_errors, write_bytes

STATIC = Path(__file__).with_name("static")
# Beside the pages: every file that a site of ours wrote, the only ones that the next may remove.
MANIFEST = ".spi_site"
# No page asks anybody for anything: neither style nor script stands in a page, and none comes from elsewhere. A page
# opened from a file has no origin, so that "self" alone would refuse its own stylesheet in some browsers.
POLICY = (
    "default-src 'none'; style-src 'self' file:; script-src 'self' file:; img-src 'self' file: data:; "
    "connect-src 'none'; form-action 'none'; base-uri 'none'"
)


def site_files(results: Results, downloads: Sequence[Download] = (), kinds: Sequence[Kind] = KINDS) -> list[SiteFile]:
    """Every file of the site, pages first in the order of the menu; the same results give the same bytes.

    Args:
        results: what is published.
        downloads: the files to take away that lie in the site's folder.
        kinds: the kinds of pages to make.
    """
    site = Site(results, downloads)
    environment = Environment(
        loader=PackageLoader("spi_pipeline.outputs.site"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(figure=figures.figure, words=words, drawing=drawing, policy=POLICY, site=site)
    made = [one for kind in kinds for one in kind(site)]
    pages = [one for one in made if isinstance(one, Page)]
    # A menu leads to pages that there are: some are made only where there is something to tell.
    environment.globals["paths"] = {page.path for page in pages}
    publication, root = results.contracts.publication, results.contracts.root
    return [
        *(SiteFile(page.path, _rendered(environment, page).encode(), page.title, page.area_code) for page in pages),
        *(SiteFile(one.path, one.text.encode()) for one in made if not isinstance(one, Page)),
        *(SiteFile(f"static/{file.name}", file.read_bytes()) for file in sorted(STATIC.iterdir())),
        SiteFile("static/theme.css", theme(publication.colours).encode()),
        *(
            [SiteFile(f"static/{publication.logo.file}", (root / publication.logo.file).read_bytes())]
            if publication.logo
            else []
        ),
    ]


def build(
    results: Results,
    folder: Path,
    downloads: bool = True,
    kinds: Sequence[Kind] = KINDS,
    facts: Facts | None = None,
) -> list[SiteFile]:
    """Write the whole site into a folder; a file that would be as it is already is not written again.

    Args:
        results: what was published.
        folder: a new or an empty one, or that of an older site, whose files of pages that are no more are removed.
        downloads: whether the files to take away are made too.
        kinds: the kinds of pages to make.
        facts: what pages are read back from before any is written; None where they are not.

    Returns:
        The files written, but for those to take away.

    Raises:
        SpiError: where the folder holds something else, a page is not what the tables say, or the disk refuses.
    """
    _refuse_other(folder)
    with TemporaryDirectory() as new:
        taken = write_downloads(results, Path(new)) if downloads else []
        files = site_files(results, taken, kinds)
        paths = {*(file.path for file in files), *(download.path for download in taken)}
        if facts:
            refuse_faults(files, facts, {download.path: download.size or 0 for download in taken})
        with os_errors(f"the site could not be written to {folder}"):
            _begun(folder, paths)
            for download in taken:
                _replace(Path(new) / download.path, folder / download.path)
            for file in files:
                target = folder / file.path
                if not target.exists() or target.read_bytes() != file.content:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(file.content)
            _ended(folder, paths)
    return files


def _refuse_other(folder: Path) -> None:
    if not (folder / MANIFEST).exists() and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SpiError(f"{folder} holds something else than a site; name a new or an empty folder")


def _replace(made: Path, target: Path) -> None:
    if not target.exists() or not filecmp.cmp(made, target, shallow=False):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, target)


def theme(colours: Colours) -> str:
    """The council's colours; contracts refused those that cannot be seen or read."""
    told = "; ".join(f"--{name}: {colour}" for name, colour in colours.model_dump().items())
    return f":root {{ {told}; }}\n"


def _rendered(environment: Environment, page: Page) -> str:
    up = "../" * page.path.count("/")
    return environment.get_template(page.template).render(page=page, up=up, **page.content)


def _begun(folder: Path, paths: set[str]) -> None:
    """Note what is about to be written, before any of it is, so that whatever an interrupted build leaves is known."""
    manifest = folder / MANIFEST
    folder.mkdir(parents=True, exist_ok=True)
    before = manifest.read_text("utf-8").splitlines() if manifest.exists() else []
    if not paths.issubset(before):
        write_bytes(manifest, "\n".join(sorted({*before, *paths})).encode())


def _ended(folder: Path, paths: set[str]) -> None:
    """Remove what an older site of ours left."""
    manifest = folder / MANIFEST
    others = set(manifest.read_text("utf-8").splitlines()) - paths
    for name in sorted(others, reverse=True):
        (folder / name).unlink(missing_ok=True)
        for parent in (folder / name).parents:
            if parent == folder or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()
    if others:
        write_bytes(manifest, "\n".join(sorted(paths)).encode())
