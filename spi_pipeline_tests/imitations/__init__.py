"""Local publishers: one process that imitates the publishers the pipeline reads, faults included.

It is written from the publishers' documents and not from our client, so that tests compare two independent readings.
Its figures are the embedded ones where the source is embedded, and come from a formula otherwise. In a test,
``local_publishers`` starts it; by hand, ``python -m spi_pipeline_tests.imitations`` does. `spi_pipeline` imports
nothing from here.
"""

from __future__ import annotations

from spi_pipeline_tests.imitations.server import Publishers, local_publishers

__all__ = ["Publishers", "local_publishers"]
