from __future__ import annotations

import sqlalchemy as sa
from drawn_region import drawn
from stocked_store import stock


def test_keywords_that_the_source_lacks_are_named(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions/3894", "?keywords=all")

    assert "Not in this source: R_VALUE" in page
    assert page.count('"className": "multiple"') == 17


def test_missing_records_are_counted_and_marked(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        connection.execute(
            sa.text(
                "DELETE FROM observations WHERE t_rec BETWEEN '2014-03-29 01' AND '2014-03-29 07'"
            )
        )

    page = drawn(engine_sqlite, "/regions/3894", "?range=24h")

    # 01:00 to 06:00 are gone, so that nothing stands between 00:00 and 07:00.
    assert "19 of 25 frames" in page
    assert "missing: 7 h from 29 Mar 00:00" in page


def test_constant_keywords_have_no_correlation_and_the_panel_says_so(
    engine_sqlite: sa.Engine,
) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions/3894")

    assert "No two keywords vary in this window" in page


def test_keywords_that_vary_together_are_joined(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        connection.execute(
            sa.text("UPDATE observations SET usflux = CAST(strftime('%H', t_rec) AS REAL),"
                    " totpot = 2 * CAST(strftime('%H', t_rec) AS REAL)")
        )  # fmt: skip

    page = drawn(engine_sqlite, "/regions/3894", "?window=12")

    # 17 keywords are measured, which makes 136 pairs, and all but two of them are constant.
    assert "1 of 136 pairs have |r| ≥ 0.7 over 12 records; 0 new, 0 no longer; 135 undef" in page


def test_too_few_records_say_how_many_are_needed(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions/3894", "?at=2014-03-26T12:00:00Z")

    assert "4 records in these 24 h; a correlation needs 8." in page


def test_an_imputed_forecast_is_marked_in_its_lane(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)
    with engine_sqlite.begin() as connection:
        connection.execute(
            sa.text("UPDATE predictions SET imputed_share = 0.25 WHERE t_rec > '2014-03-29 13'")
        )

    page = drawn(engine_sqlite, "/regions/3894", "?range=24h")

    assert "Forecast issued, complete; imputed in 4 records" in page
    assert "imputed share 25\u202f%" in page


def test_the_files_of_a_region_are_those_of_the_range_shown(engine_sqlite: sa.Engine) -> None:
    stock(engine_sqlite)

    page = drawn(engine_sqlite, "/regions/3894", "?range=24h")

    asked = "regions=3894&start=2014-03-28T16%3A00%3A00Z&end=2014-03-30T16%3A00%3A00Z"
    assert f"/export/predictions.csv?{asked}" in page
    assert f"/export/predictions.parquet?{asked}" in page
