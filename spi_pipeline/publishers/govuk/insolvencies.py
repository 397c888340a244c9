"""GOV.UK: individual insolvencies, from the Insolvency Service."""

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import whole_numbers

INSOLVENCIES = {
    "Bankruptcy": "bankruptcy", "DRO": "debt relief order", "IVA": "individual voluntary arrangement",
}  # fmt: skip
INSOLVENCIES_TOTAL = "Total"


def insolvencies(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read new insolvencies by year and kind; the file's rows, of the wards before 2023, are summed by authority."""
    name = folder.name("income/individual_insolvencies_ward_2012_2022_*.csv")
    table = folder.csv(name, "2022", needs=["local_authority_code", "insolvency_type"])
    table = table[table["local_authority_code"].isin(areas.geography.authority_codes)]
    years = [column for column in table.columns if column.isdigit()]
    counts = whole_numbers(table[years], years, name)
    kinds = table["insolvency_type"].map(INSOLVENCIES)
    if unknown := sorted(set(table["insolvency_type"][kinds.isna()]) - {INSOLVENCIES_TOTAL}):
        known = ", ".join([*INSOLVENCIES, INSOLVENCIES_TOTAL])
        raise SpiError(f"{name}: insolvency_type holds {unknown[0]!r}, none of {known}; see its release notes")
    own = pd.DataFrame({"area_code": table["local_authority_code"], "kind": kinds, **counts}).dropna(subset=["kind"])
    tidy = own.melt(["area_code", "kind"], years, "year", "insolvencies").astype({"year": "int64"})
    return tidy.groupby(["area_code", "year", "kind"])["insolvencies"].sum().reset_index()
