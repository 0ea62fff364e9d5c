"""What roadside units cost: unit prices, orders of magnitude from public texts."""

from __future__ import annotations

from typing import Literal

from sim.scenario.schema.base import Section, key

JUNCTION_STUDY = "RSU deployment cost study: whole test-bed junction 350-450 k CNY, of which RSU 70-80 k"
SPECTRUM_NOTICE = "NDRC and Ministry of Finance notice, June 2019 (5905-5925 MHz)"


class Prices(Section):
    """Unit prices of a layout. Orders of magnitude for comparing layouts, no offer and no budget."""

    rsu_cny: float = key(
        50_000.0, "a roadside unit that stands alone", unit="CNY", ge=0, le=1e9,
        source="unit price used by two market studies",
    )
    junction_cny: float = key(
        400_000.0,
        "a whole junction with a sensor: unit, sensing and civil works together",
        unit="CNY",
        ge=0,
        le=1e9,
        source=f"{JUNCTION_STUDY}; middle",
    )
    junction_rsu_cny: float = key(
        75_000.0,
        "the unit's part in junction_cny: shown apart, never added to it",
        unit="CNY",
        ge=0,
        le=1e9,
        source=f"{JUNCTION_STUDY}; middle",
    )
    mount_cny: float = key(
        10_000.0, "mounting at a node without a sensor, or of a node's further units (poles stand there)",
        unit="CNY", ge=0, le=1e9, source="assumption",
    )
    pole_cny: float = key(
        30_000.0, "pole, foundation and power between nodes", unit="CNY", ge=0, le=1e9, source="assumption"
    )
    sensor_cny: float = key(
        100_000.0, "sensing of a unit between nodes", unit="CNY", ge=0, le=1e9, source="assumption"
    )
    backhaul_cny_per_year: float = key(
        6_000.0, "line and power of a unit", unit="CNY per year", ge=0, le=1e9, source="assumption"
    )
    maintenance_ratio_per_year: float = key(
        0.05, "upkeep, as a share of the capital", unit="1 per year", ge=0, le=1, source="assumption"
    )
    spectrum_scope: Literal["none", "city", "province", "national"] = key(
        "city",
        "what each jurisdiction with a unit is licensed as; national: one licence for ten provinces or more",
        source="assumption",
    )
    spectrum_city_cny_per_mhz_year: float = key(
        15_000.0, "spectrum fee of a city", unit="CNY per MHz and year", ge=0, le=1e9, source=SPECTRUM_NOTICE
    )
    spectrum_province_cny_per_mhz_year: float = key(
        150_000.0, "spectrum fee of a province", unit="CNY per MHz and year", ge=0, le=1e9, source=SPECTRUM_NOTICE
    )
    spectrum_national_cny_per_mhz_year: float = key(
        1_500_000.0, "spectrum fee of ten provinces or more", unit="CNY per MHz and year", ge=0, le=1e10,
        source=SPECTRUM_NOTICE,
    )
    spectrum_free_years: float = key(
        3.0, "first years without a fee", unit="years", ge=0, le=100, source=SPECTRUM_NOTICE
    )
    lifetime_years: float = key(
        10.0, "time over which the total is counted", unit="years", gt=0, le=100, source="assumption"
    )
