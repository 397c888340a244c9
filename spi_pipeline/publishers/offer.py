"""What a publisher's module offers for one source."""

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
    """How one source is fetched and read; its contract gives the cadence and the licence.

    Attributes:
        fetch: yields its downloads, in an order in which a killed run can resume; None if nothing is fetched.
        parse: makes its table, with the columns of its contract, from the downloads. Given without ``fetch`` if the
            publisher blocks programs and only the inbox is read; None if the source is frozen.
        restricted: returns, by column, the publisher's words that restrict its use beyond the licence; None if the
            publisher marks no columns.
        news: returns the publisher's announcement of its last change, as any text that changes with it; None if the
            publisher announces nothing.
        read: makes its table from a folder of the publisher's files, for a snapshot; None if it is only ever fetched.
        national: whether ``read`` can also make its table for all of England, given ``England``.
        by_month: whether ``fetch`` requests month by month, and only the months of ``Scope.only`` if it names some.
        probes: small requests that show whether its endpoints still respond as ``fetch`` and ``parse`` expect.
    """

    fetch: Callable[[Client, Scope], Iterable[Download]] | None = None
    parse: Callable[[Sequence[Download], Scope], pd.DataFrame] | None = None
    news: Callable[[Client, Scope], str] | None = None
    read: Reader | None = None
    probes: tuple[Probe, ...] = ()
    restricted: Callable[[Sequence[Download]], Mapping[str, str]] | None = None
    national: bool = False
    by_month: bool = False
