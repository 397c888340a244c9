"""What a publisher's module offers of one source."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.http.exchange import Client, Download, Scope
from spi_pipeline.publishers.probing.probe import Probe

Reader = Callable[[Folder, Source, Areas], pd.DataFrame]


@dataclass(frozen=True)
class Offer:
    """How one source is had; how often, and under which licence, its contract says.

    Attributes:
        fetch: asks for its downloads, in an order in which a killed run can go on; None where nothing is fetched.
        parse: makes its table, with the columns its contract names, of the downloads; without ``fetch`` where the
            publisher lets no program in and only the inbox is read; None where the source is frozen.
        restricted: what of its columns the publisher restricts beyond the licence, in its words; None where it says so
            of none.
        news: what the publisher says of its last change, in any words that change with it; None where it says nothing.
        read: makes its table of a folder of the publisher's files, for a snapshot; None where it is only ever fetched.
        national: whether ``read`` makes its table of all England too, given ``England``.
        by_month: whether ``fetch`` asks month by month, and for ``Scope.only`` where some are named.
        probes: small requests that show whether its endpoints still answer as ``fetch`` and ``parse`` expect.
    """

    fetch: Callable[[Client, Scope], Iterable[Download]] | None = None
    parse: Callable[[Sequence[Download], Scope], pd.DataFrame] | None = None
    news: Callable[[Client, Scope], str] | None = None
    read: Reader | None = None
    probes: tuple[Probe, ...] = ()
    restricted: Callable[[Sequence[Download]], Mapping[str, str]] | None = None
    national: bool = False
    by_month: bool = False
