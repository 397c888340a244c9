"""The whole site as files and as a folder: pages of every kind, and the files they share."""

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
# Lies next to the pages and lists every file that our build wrote, the only files that the next build may remove.
MANIFEST = ".spi_site"
# Pages make no requests: no style or script stands inside a page, and none comes from elsewhere. A page opened from a
# file has no origin, so that "self" alone would refuse its own stylesheet in some browsers.
POLICY = (
    "default-src 'none'; style-src 'self' file:; script-src 'self' file:; img-src 'self' file: data:; "
    "connect-src 'none'; form-action 'none'; base-uri 'none'"
)


def site_files(results: Results, downloads: Sequence[Download] = (), kinds: Sequence[Kind] = KINDS) -> list[SiteFile]:
    """Every file of the site, pages first in the order of the menu; the same results give the same bytes.

    Args:
        results: the published results.
        downloads: the files for download in the site's folder.
        kinds: the kinds of pages to make.
    """
    site = Site(results, downloads)
    environment = Environment(
        loader=PackageLoader("spi_pipeline.outputs.site"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(figure=figures.figure, words=words, drawing=drawing, policy=POLICY, site=site)
    contents = [one for kind in kinds for one in kind(site)]
    pages = [one for one in contents if isinstance(one, Page)]
    # A menu links only to pages that exist: some are made only if they have content.
    environment.globals["paths"] = {page.path for page in pages}
    publication, root = results.contracts.publication, results.contracts.root
    return [
        *(SiteFile(page.path, _rendered(environment, page).encode(), page.title, page.area_code) for page in pages),
        *(SiteFile(one.path, one.text.encode()) for one in contents if not isinstance(one, Page)),
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
    """Write the whole site into a folder; files that would not change are not written again.

    Args:
        results: the published results.
        folder: a new or an empty folder, or the folder of an older site, whose obsolete files are removed.
        downloads: whether to make the files for download too.
        kinds: the kinds of pages to make.
        facts: the facts that pages are read back against before any is written; None to skip this check.

    Returns:
        The files of the site, without the downloads.

    Raises:
        SpiError: when the folder holds something else, a page disagrees with the tables, or the disk refuses.
    """
    _refuse_other(folder)
    with TemporaryDirectory() as new:
        new_downloads = write_downloads(results, Path(new)) if downloads else []
        files = site_files(results, new_downloads, kinds)
        paths = {*(file.path for file in files), *(download.path for download in new_downloads)}
        if facts:
            refuse_faults(files, facts, {download.path: download.size or 0 for download in new_downloads})
        with os_errors(f"the site could not be written to {folder}"):
            _register(folder, paths)
            for download in new_downloads:
                _replace(Path(new) / download.path, folder / download.path)
            for file in files:
                target = folder / file.path
                if not target.exists() or target.read_bytes() != file.content:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(file.content)
            _remove_leftovers(folder, paths)
    return files


def _refuse_other(folder: Path) -> None:
    if not (folder / MANIFEST).exists() and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SpiError(f"{folder} holds files that are not from a site; name a new or an empty folder")


def _replace(new_file: Path, target: Path) -> None:
    if not target.exists() or not filecmp.cmp(new_file, target, shallow=False):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(new_file, target)


def theme(colours: Colours) -> str:
    """The council's colours as CSS; the contracts have already refused colours that cannot be seen or read."""
    declarations = "; ".join(f"--{name}: {colour}" for name, colour in colours.model_dump().items())
    return f":root {{ {declarations}; }}\n"


def _rendered(environment: Environment, page: Page) -> str:
    up = "../" * page.path.count("/")
    return environment.get_template(page.template).render(page=page, up=up, **page.content)


def _register(folder: Path, paths: set[str]) -> None:
    """Record the files in the manifest before writing any, so that whatever an interrupted build leaves is known."""
    manifest = folder / MANIFEST
    folder.mkdir(parents=True, exist_ok=True)
    listed = manifest.read_text("utf-8").splitlines() if manifest.exists() else []
    if not paths.issubset(listed):
        write_bytes(manifest, "\n".join(sorted({*listed, *paths})).encode())


def _remove_leftovers(folder: Path, paths: set[str]) -> None:
    """Remove files that an older site of ours left behind."""
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
