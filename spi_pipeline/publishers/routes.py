"""Two ways to the same table: its areas asked for one by one, or everything at once. The one rule which to take.

Each publisher's module states what both ways to its tables cost; what is asked for on either, and how it is read, is
there.
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
        requests: that an area takes; a part of one where a request names many areas.
        area: bytes of an area's answers.
        pages: requests that everything takes.
        whole: bytes of everything.
        request: bytes that would come in the time of a request.
    """

    requests: float
    area: int
    pages: int
    whole: int
    request: int = REQUEST

    @property
    def threshold(self) -> int:
        """From how many areas on everything costs no more, a request counted as the bytes that its time would bring."""
        return math.ceil((self.pages * self.request + self.whole) / (self.requests * self.request + self.area))

    def in_bulk(self, areas: int) -> bool:
        """Whether to ask for everything, where so many areas are wanted."""
        return areas >= self.threshold
