"""Every kind of page, in the order of the menu."""

from spi_pipeline.outputs.site.pages.compare import compare
from spi_pipeline.outputs.site.pages.explore import explore
from spi_pipeline.outputs.site.pages.home import home
from spi_pipeline.outputs.site.pages.indicator import indicator
from spi_pipeline.outputs.site.pages.measure import measure
from spi_pipeline.outputs.site.pages.measures import measures
from spi_pipeline.outputs.site.pages.page import Kind
from spi_pipeline.outputs.site.pages.ward import ward
from spi_pipeline.outputs.site.pages.wards import wards

KINDS: tuple[Kind, ...] = (home, explore, wards, ward, compare, measures, measure, indicator)
