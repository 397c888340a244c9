"""Faults within one of our own files: wrong keys, types and words, and numbers that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline_tests.contracts.mutation import (
    CHOICE,
    HOUSING,
    SAFETY,
    assert_fault,
    case,
)

INDICATOR_KEYS = (
    "description, direction, error, goalposts, id, limits, measure, methods, plausible, predecessor, source, title, "
    "unit"
)
OVERCROWDED = "source: census_overcrowding"


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "unknown key", HOUSING,
            "    limits: Counted once",
            "    owner: nobody\n    limits: Counted once",
            f"indicators.overcrowded_homes: 'owner' is not a key of this part; allowed are {INDICATOR_KEYS}",
        ),
        case(
            "misspelt key", "indicators/environmental_quality.yaml",
            "predecessor: air",
            "predecesor: air",
            "indicators.outdoor_environment: 'predecesor' is not a key of this part; nearest is 'predecessor', "
            f"allowed are {INDICATOR_KEYS}",
        ),
        case(
            "unknown key at the top", "framework.yaml",
            "title: Social",
            "subtitle: None\ntitle: Social",
            "'subtitle' is not a key of this part; nearest is 'title', "
            "allowed are description, dimensions, id, profiles, publication, title, uncertainty",
        ),
        case(
            "missing key", HOUSING,
            "    unit: percent\n",
            "",
            "indicators.overcrowded_homes.unit is missing", at="- id: overcrowded_homes",
        ),
        case(
            "repeated key", HOUSING,
            f"    {OVERCROWDED}",
            f"    direction: lower_is_better\n    {OVERCROWDED}",
            "the key 'direction' appears twice; keep one of them",
        ),
        case(
            "text for a number", SAFETY,
            "goalposts: {worst: 11",
            "goalposts: {worst: many",
            "indicators.road_collisions.goalposts.worst: 'many' is refused, input should be a valid number, unable "
            "to parse string as a number",
        ),
        case(
            "number out of range", "framework.yaml",
            "first_edition: 2019",
            "first_edition: 1999",
            "publication.first_edition: 1999 is refused, input should be greater than or equal to 2000",
        ),
        case(
            "misspelt key of a profile", "framework.yaml",
            "    aggregate: arithmetic",
            "    agregate: arithmetic",
            "profiles.spi: 'agregate' is not a key of this part; nearest is 'aggregate', allowed are aggregate, "
            "available, decimals, description, floor, impute, missing, normalise, rescale, title, treat, weights",
        ),
        case(
            "text for a mapping", "geography.yaml",
            "wards:\n  - {code: E05014735, name: Barnfield, authority: E06000032}",
            "wards:\n  - Barnfield",
            "wards.1: 'Barnfield' is refused, input should be a valid dictionary or instance of Ward", at="- Barnfield",
        ),
        case(
            "no ward code", "geography.yaml",
            "code: E05014736",
            "code: E0501473",
            r"wards.Beech Hill.code: 'E0501473' is refused, string should match pattern '^[EW]05\d{6}$'",
        ),
        case(
            "unknown direction", HOUSING,
            "direction: lower_is_better",
            "direction: lower_is_beter",
            "indicators.overcrowded_homes.direction: 'lower_is_beter' is not a value of this key; nearest is "
            "'lower_is_better', allowed are higher_is_better, lower_is_better",
        ),
        case(
            "direction contradicts goalposts", SAFETY,
            "per_1000_residents\n    direction: lower_is_better",
            "per_1000_residents\n    direction: higher_is_better",
            "indicators.road_collisions.goalposts: worst 11 and best 0 mean lower_is_better, but direction says "
            "higher_is_better", at="goalposts: {worst: 11",
        ),
        case(
            "equal goalposts", SAFETY,
            "{worst: 11, best: 0,",
            "{worst: 11, best: 11,",
            "indicators.road_collisions.goalposts: worst and best are both 11 and must differ",
        ),
        case(
            "goalposts beside a reference", HOUSING,
            "{source: reference}",
            "{source: reference, best: 0}",
            "indicators.overcrowded_homes.goalposts: a reference sets worst and best itself; leave them out, or state "
            "a cap",
        ),
        case(
            "cap without a reason", SAFETY,
            '"None is the limit; 11 is seven times the 1.6 of Great Britain (104,258 collisions in 2023), the same '
            'multiple of the mean as in the scales of theft and anti-social behaviour across England."',
            '""',
            "indicators.road_collisions.goalposts: goalposts with source: cap need worst, best and reason "
            "(reason not given); goalposts with source: reference have no worst and best",
        ),
        case(
            "an indicator without a rule", HOUSING,
            "    plausible: {minimum: 0, maximum: 60}\n",
            "",
            "indicators.overcrowded_homes.plausible is missing", at="- id: overcrowded_homes",
        ),
        case(
            "a mean without an error", CHOICE,
            "    error: {evidence: assumed, sd: 3.7,",
            "    # {evidence: assumed, sd: 3.7,",
            "indicators.connectivity: the error of a mean does not follow from counts; declare error, with its basis",
            at="- id: connectivity",
        ),
        case(
            "a mean of nothing counted", CHOICE,
            "{evidence: assumed, sd: 3.7,",
            "{evidence: counts} # {",
            "indicators.connectivity: an error with evidence counts needs the denominator the value is a share of",
            at="- id: connectivity",
        ),
        case(
            "an error without its size", CHOICE,
            "{evidence: assumed, sd: 3.7,",
            "{evidence: assumed,",
            "indicators.connectivity.error: an error with evidence assumed needs sd or relative_sd",
        ),
        case(
            "an error of two sizes", CHOICE,
            "{evidence: assumed, sd: 3.7,",
            "{evidence: assumed, sd: 3.7, relative_sd: 0.1,",
            "indicators.connectivity.error: an error states sd or relative_sd, not both",
        ),
        case(
            "an assumption without a reason", HOUSING,
            "evidence: two_measures, sd: 0.2, other: homes_in_poor_condition, reason: ",
            "evidence: assumed, sd: 0.2, other: ",
            "indicators.indoor_environment.error: an error with evidence assumed needs reason",
        ),
        case(
            "a size for published limits", HOUSING,
            "evidence: two_measures, sd: 0.2, other: homes_in_poor_condition,",
            "evidence: published, lower: a, upper: b, sd: 0.2,",
            "indicators.indoor_environment.error: an error with evidence published has no sd",
        ),
        case(
            "empty plausible range", HOUSING,
            "{minimum: 0, maximum: 60}",
            "{minimum: 60, maximum: 0}",
            "indicators.overcrowded_homes.plausible: minimum 60 must be below maximum 0",
        ),
        case(
            "share without denominator", HOUSING,
            ", denominator: {column: households}",
            "",
            "indicators.overcrowded_homes.measure: a share needs a denominator",
        ),
        case(
            "a level for a rate", SAFETY,
            "kind: anchored\n",
            "kind: rate\n      denominator: {column: crimes}\n",
            "indicators.violent_crime.measure: an anchored measure needs a level to move, and no other has one",
            at="measure:",
        ),
        case(
            "anchored without a level", HOUSING,
            "kind: share",
            "kind: anchored",
            "indicators.overcrowded_homes.measure: an anchored measure needs a level to move, and no other has one",
        ),
        case(
            "anchored with a denominator", SAFETY,
            "kind: anchored\n",
            "kind: anchored\n      denominator: {column: crimes}\n",
            "indicators.violent_crime.measure: an anchored measure counts in a window and needs no denominator: its "
            "level is a rate", at="measure:",
        ),
        case(
            "a level of part of a year", SAFETY,
            "start: 2018-04\n        end: 2024-03",
            "start: 2018-04\n        end: 2024-02",
            "indicators.violent_crime.measure.level: 2018-04 to 2024-02 is 71 months; a level covers whole years",
            at="      level:",
        ),
        case(
            "share per thousand", CHOICE,
            "columns: [none]",
            "per: 1000, columns: [none]",
            "indicators.no_car.measure: per belongs to a rate; a share is in percent",
        ),
        case(
            "share by households", CHOICE,
            "columns: [none]",
            "weighted_by: households, columns: [none]",
            "indicators.no_car.measure: weighted_by belongs to a mean without a denominator, or to a level",
        ),
    ],
)  # fmt: skip
def test_a_malformed_file_is_refused(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)
