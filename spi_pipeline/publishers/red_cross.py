"""British Red Cross: figures of other publishers, which it brought to small areas or scored over England."""

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.columns import ContractReader, by_contract
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole
from spi_pipeline.publishers.offer import Offer


def recorded_flooding(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read residents inside flood outlines. The publication lists only LSOAs with any, so an absent LSOA has none.

    The residents of absent LSOAs come from the estimates of mid-2020, which the publication uses for those it lists.

    Raises:
        SpiError: when the residents of a listed LSOA differ from the estimates, or an LSOA has no estimate.
    """
    name = folder.name("environment/people_flooded_lsoa11_*.csv")
    listed = by_contract(folder.csv(name, "2022"), name, source, areas=areas.lsoa11)
    estimates = folder.name("population/population20_lsoa11_syoa_*.csv")
    people = folder.csv(estimates, "2020-06-30", needs=["lsoa11_code", "total_population"])
    residents = whole(numbers(people["total_population"], estimates, "total_population"), estimates, "total_population")
    residents = residents.set_axis(people["lsoa11_code"])
    # An extract for one authority does not cover another.
    covered = {areas.authority_of[code] for code in listed["area_code"]}
    codes = [code for code in sorted(areas.lsoa11) if areas.authority_of[code] in covered]
    every = pd.DataFrame({"area_code": codes}, dtype="str")
    frame = every.merge(listed, how="left", validate="1:1").fillna({"residents_flooded": 0})
    estimated = frame["area_code"].map(residents)
    other = frame.loc[estimated.isna() | (frame["residents"].notna() & (frame["residents"] != estimated)), "area_code"]
    if len(other):
        raise SpiError(
            f"{name} and {estimates} disagree on the residents of {other.iloc[0]}, or the latter has none; supply the "
            "estimates the flood file was made with"
        )
    return frame.assign(residents=estimated)


HOSTS = ()
OFFERS = {
    "digital_exclusion": Offer(
        read=ContractReader(
            "communications/depahri_lsoa11_*.csv", "2021", "lsoa11", "national/england_lsoa_depahri.rda"
        ),
        national=True,
    ),
    "loneliness": Offer(
        read=ContractReader(
            "health/cls_loneliness_lsoa21_*.csv", "2021-03", "lsoa21", "national/england_cls_loneliness_lsoa.rda"
        ),
        national=True,
    ),
    "recorded_flooding": Offer(read=recorded_flooding),
}
