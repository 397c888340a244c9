"""Wards and authorities, and the share of each small area that belongs to each ward."""

from collections.abc import Mapping

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.geography.allocation import small_area_weights
from spi_pipeline.geography.areas import area_table
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.page import Page
from spi_pipeline.steps.places import judged_in, wards
from spi_pipeline.steps.step import Step, products

SOURCES = (
    "wards", "lsoa_boundaries", "output_area_boundaries_2011", "output_area_lookup", "lsoa_best_fit",
    "lsoa_2011_lookup", "msoa_2011_lookup", "postcodes", "census_residents", "census_households",
)  # fmt: skip


def geography_steps() -> list[Step]:
    """The steps of the products ``allocation`` and ``area``."""
    return [
        Step(
            name="allocation",
            kind="allocation",
            group="geography",
            inputs=SOURCES,
            outputs=("allocation",),
            files=products("allocation"),
            does=allocation,
            page=Page(),
            title="Allocation of small areas to wards",
            description="The share of each small area that belongs to each ward: by its postcodes if they are "
            "available, otherwise by area overlap or by the official best fit of output areas or LSOAs.",
            lineage={
                "weight": (
                    ("postcodes", "ward_code"), ("output_area_boundaries_2011", "geometry"), ("wards", "geometry"),
                ),
                "residents": (("census_residents", "residents"),),
                "households": (("census_households", "households"),),
            },
        ),
        Step(
            name="area",
            kind="area",
            group="geography",
            inputs=("wards", "allocation", "census_households"),
            outputs=("area",),
            files=products("area"),
            does=area,
            page=Page(),
            title="Wards and authorities",
            description="Every ward and authority with its residents and households, and the share of them from "
            "small areas that wards share.",
            lineage={
                "population": (("allocation", "residents"), ("allocation", "weight")),
                "households": (("census_households", "households"), ("allocation", "weight")),
            },
        ),
    ]  # fmt: skip


def allocation(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``allocation``."""
    households = inputs.frame("census_households")[["area_code", "households"]]
    counted = inputs.frame("census_residents")[["area_code", "residents"]]
    counted = counted.merge(households, on="area_code", how="left", validate="1:1")
    known = inputs.frame("output_area_lookup").merge(counted, on="area_code", how="left", validate="1:1")
    best_fit = judged_in(inputs.frame("lsoa_best_fit"), contracts).rename(columns={"area_code": "lsoa_code"})
    unmatched = counted[~counted["area_code"].isin(known["area_code"])].rename(columns={"area_code": "lsoa_code"})
    weights = small_area_weights(
        wards=wards(inputs, contracts),
        lsoa_best_fit=best_fit,
        lsoa_2011_lookup=inputs.frame("lsoa_2011_lookup").rename(
            columns={"lsoa_2011_code": "lsoa11_code", "lsoa_2021_code": "lsoa21_code"}
        ),
        msoa_2011_lookup=inputs.frame("msoa_2011_lookup").rename(
            columns={"msoa_2011_code": "msoa11_code", "msoa_2021_code": "msoa21_code"}
        ),
        output_area_lookup=known.rename(columns={"area_code": "oa_code"}),
        output_area_boundaries=inputs.frame("output_area_boundaries_2011"),
        lsoa_boundaries=inputs.frame("lsoa_boundaries"),
        postcodes=inputs.frame("postcodes"),
        lsoa_lookup=unmatched.merge(best_fit[["lsoa_code", "msoa_code"]], on="lsoa_code", how="left", validate="1:1"),
    )
    return {"allocation": weights}


def area(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``area``."""
    geography, households = contracts.geography, inputs.frame("census_households")
    frame = area_table(
        wards(inputs, contracts), geography.authorities, inputs.frame("allocation"), households, geography.vintage
    )
    return {"area": frame}
