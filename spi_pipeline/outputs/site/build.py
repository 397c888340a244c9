"""Writes the site into a folder: every page of every kind, and what they share."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import Environment, PackageLoader, StrictUndefined

from spi_pipeline.contracts.models.publication import Colours
from spi_pipeline.outputs.site import drawing, figures, words
from spi_pipeline.outputs.site.downloads import write_downloads
from spi_pipeline.outputs.site.pages import KINDS
from spi_pipeline.outputs.site.pages.page import File, Kind, Page, Site
from spi_pipeline.outputs.site.results import Results

STATIC = Path(__file__).with_name("static")
# Scripts, styles and pictures are the site's own, and nothing else may be asked for, inside or out.
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src 'self' data: file:; "
    "connect-src 'none'; form-action 'none'; base-uri 'none'"
)


def build(results: Results, folder: Path, downloads: bool = True, kinds: Sequence[Kind] = KINDS) -> list[Page]:
    """Write the whole site; a file that would be as it is already is not written again.

    Args:
        results: what was published.
        folder: an empty one, or that of an older site, in which what no page is any more is removed.
        downloads: whether the files to take away are made too.
        kinds: the kinds of pages to make.

    Returns:
        The pages written, in the order of the menu.
    """
    with TemporaryDirectory() as new:
        taken = write_downloads(results, Path(new)) if downloads else []
        for download in taken:
            _replace(Path(new) / download.path, folder / download.path)
    site = Site(results, taken)
    environment = Environment(
        loader=PackageLoader("spi_pipeline.outputs.site"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(figure=figures.figure, words=words, drawing=drawing, policy=POLICY, site=site)
    made = [one for kind in kinds for one in kind(site)]
    pages = [one for one in made if isinstance(one, Page)]
    # A menu leads to pages that there are: some are made only where there is something to tell.
    environment.globals["paths"] = {page.path for page in pages}
    files = {page.path: _rendered(environment, page).encode() for page in pages}
    files |= {one.path: one.text.encode() for one in made if isinstance(one, File)}
    files |= {f"static/{file.name}": file.read_bytes() for file in sorted(STATIC.iterdir())}
    publication, root = results.contracts.publication, results.contracts.root
    files["static/theme.css"] = _theme(publication.colours).encode()
    if publication.logo:
        files[f"static/{publication.logo.file}"] = (root / publication.logo.file).read_bytes()
    for name, content in files.items():
        target = folder / name
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    _remove_others(folder, {*files, *(download.path for download in taken)})
    return pages


def _replace(made: Path, target: Path) -> None:
    if not target.exists() or not filecmp.cmp(made, target, shallow=False):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, target)


def _theme(colours: Colours) -> str:
    """The council's colours; contracts refused those that cannot be seen or read."""
    told = "; ".join(f"--{name}: {colour}" for name, colour in colours.model_dump().items())
    return f":root {{ {told}; }}\n"


def _rendered(environment: Environment, page: Page) -> str:
    up = "../" * page.path.count("/")
    return environment.get_template(page.template).render(page=page, up=up, **page.content)


def _remove_others(folder: Path, names: set[str]) -> None:
    """What an older site left; a folder that holds something else was refused before."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(folder).as_posix() not in names:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            shutil.rmtree(path)
