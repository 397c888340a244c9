from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed

__all__ = ["no_dagster_home", "refreshed"]
