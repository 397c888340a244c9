"""The rule that decides whether a table is fetched area by area or all at once.

Each publisher's module declares what both routes to its tables cost, and makes and parses the requests of either.
"""

import math
from dataclasses import dataclass

from spi_pipeline.publishers.http.exchange import MEGABYTE

# At five requests a second, one takes some 0.2 s; in that time 200 kB arrive at a megabyte a second.
REQUEST = MEGABYTE // 5


@dataclass(frozen=True)
class Route:
    """The cost of a table by either route, measured or estimated as the comment at each instance explains.

    Attributes:
        requests: requests for one area; a fraction if one request names many areas.
        area: bytes of the responses for one area.
        pages: requests for everything.
        whole: bytes of everything.
        request: bytes that could arrive in the time of a request.
    """

    requests: float
    area: int
    pages: int
    whole: int
    request: int = REQUEST

    @property
    def threshold(self) -> int:
        """The number of areas from which everything costs no more, counting a request as ``request`` bytes."""
        return math.ceil((self.pages * self.request + self.whole) / (self.requests * self.request + self.area))

    def in_bulk(self, areas: int) -> bool:
        """Whether to fetch everything for this many areas."""
        return areas >= self.threshold
