"""Every kind of page, in the order of the menu."""

from spi_pipeline.outputs.site.pages.about import about, missing
from spi_pipeline.outputs.site.pages.accessibility import accessibility
from spi_pipeline.outputs.site.pages.certainty import certainty
from spi_pipeline.outputs.site.pages.compare import compare
from spi_pipeline.outputs.site.pages.downloads import downloads
from spi_pipeline.outputs.site.pages.economy import economy
from spi_pipeline.outputs.site.pages.explore import explore
from spi_pipeline.outputs.site.pages.home import home
from spi_pipeline.outputs.site.pages.indicator import indicator
from spi_pipeline.outputs.site.pages.measure import measure
from spi_pipeline.outputs.site.pages.measures import measures
from spi_pipeline.outputs.site.pages.method import method
from spi_pipeline.outputs.site.pages.own_area import own_area
from spi_pipeline.outputs.site.pages.page import Kind
from spi_pipeline.outputs.site.pages.progress import progress
from spi_pipeline.outputs.site.pages.published_findings import published_findings
from spi_pipeline.outputs.site.pages.quality import quality
from spi_pipeline.outputs.site.pages.revised import revised
from spi_pipeline.outputs.site.pages.targets import targets
from spi_pipeline.outputs.site.pages.ward import ward
from spi_pipeline.outputs.site.pages.wards import wards

KINDS: tuple[Kind, ...] = (
    home,
    explore,
    wards,
    ward,
    own_area,
    compare,
    measures,
    measure,
    indicator,
    economy,
    progress,
    revised,
    certainty,
    targets,
    published_findings,
    quality,
    method,
    downloads,
    accessibility,
    about,
    missing,
)
