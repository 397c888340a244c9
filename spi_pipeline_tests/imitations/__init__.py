"""Local publishers: one process that answers like the publishers the pipeline reads, faults included.

Written from the publishers' documents and not from our client, so that two independent readings meet. The tables are
the embedded figures where the same source is embedded, and a formula otherwise. ``local_publishers`` starts it in a
test, ``python -m spi_pipeline_tests.imitations`` by hand. Nothing in here is imported by the package.
"""

from __future__ import annotations

from spi_pipeline_tests.imitations.server import Publishers, local_publishers

__all__ = ["Publishers", "local_publishers"]
