"""One page over the sites of many councils: the results of each, with a link to its own pages."""

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import Environment, PackageLoader, StrictUndefined

from spi_pipeline.contracts.models.publication import Colours
from spi_pipeline.outputs.queries import WardTable
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.build import POLICY, STATIC, theme
from spi_pipeline.storage.atomic import discard, os_errors, write_bytes


@dataclass(frozen=True)
class Council:
    """The facts about one council that the page shows.

    Attributes:
        name: its name.
        slug: the name of its folder, which lies next to the page.
        wards: the number of wards with a score.
        score: the score of the council as a whole; None if it has none.
        low: the lowest score of a ward, 0 to 100; None if no ward has one.
        high: the highest score of a ward, likewise.
        as_of: the day its figures were taken.
        health: the state of its last run; empty if that was healthy.
        site: the folder of its own site; None if none is published.
    """

    name: str
    slug: str
    wards: int
    score: float | None
    low: float | None
    high: float | None
    as_of: dt.date
    health: str
    site: Path | None

    @classmethod
    def of(cls, found: WardTable, slug: str, health: str, site: Path | None) -> "Council":
        """The facts about a council, from the scores of its wards."""
        whole = next(row for row in found.rows if row["level"] == "authority")
        scores = [row["score"] for row in found.rows if row["level"] == "ward" and row["score"] is not None]
        return cls(whole["area_name"], slug, len(scores), whole["score"], min(scores, default=None),
                   max(scores, default=None), found.as_of, health, site)  # fmt: skip


def page(councils: Sequence[Council]) -> bytes:
    """The page, with councils ordered by name; the same councils give the same bytes."""
    environment = Environment(
        loader=PackageLoader("spi_pipeline.outputs.site"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    ordered = sorted(councils, key=lambda each: each.name)
    return environment.get_template("councils.html").render(councils=ordered, words=words, policy=POLICY).encode()


def write(councils: Sequence[Council], folder: Path, colours: Colours) -> None:
    """Write the page, and next to it the site of each council that has one; each site appears whole.

    Raises:
        SpiError: when the disk refuses.
    """
    for council in councils:
        target = folder / council.slug
        if council.site:
            with os_errors(f"{target} could not be written"):
                folder.mkdir(parents=True, exist_ok=True)
                with TemporaryDirectory(dir=folder) as scratch:
                    copy = shutil.copytree(council.site, Path(scratch, "site"))
                    if target.exists():
                        discard(target)
                    copy.rename(target)
    write_bytes(folder / "static" / "site.css", (STATIC / "site.css").read_bytes())
    write_bytes(folder / "static" / "theme.css", theme(colours).encode())
    write_bytes(folder / "index.html", page(councils))
