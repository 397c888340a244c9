"""Two ways to the same table: its areas asked for by their codes, or everything at once. The one rule which to take.

Each publisher's module states what both cost its tables; what is asked for on either way, and how it is read, is there.
"""

import math
from dataclasses import dataclass

from spi_pipeline.publishers.http.exchange import MEGABYTE

# A request takes a publisher and us some 0.2 s, at five a second; in that time a megabyte a second brings 200 kB.
REQUEST = MEGABYTE // 5


@dataclass(frozen=True)
class Route:
    """What a table costs, measured or reckoned as the comment beside each says.

    Attributes:
        codes: areas that one request names.
        area: bytes of an area's answer.
        pages: requests that everything takes.
        whole: bytes of everything.
    """

    codes: int
    area: int
    pages: int
    whole: int

    @property
    def threshold(self) -> int:
        """From how many areas on everything costs less, a request counted as the bytes that its time would bring."""
        return math.ceil((self.pages * REQUEST + self.whole) / (REQUEST / self.codes + self.area))

    def in_bulk(self, areas: int) -> bool:
        """Whether to ask for everything, where so many areas are wanted."""
        return areas >= self.threshold
