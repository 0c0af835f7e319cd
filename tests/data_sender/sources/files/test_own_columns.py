from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_sender.position import Position
from data_sender.sources.files.layout import Layout, read_layout
from data_sender.sources.files.replay import Replay
from data_sender.sources.files.tables import read_rows
from model_training.data.loading import load
from model_training.recipe.recipe import read_recipe
from solar.errors import InvalidInputError

RECIPE = """
name = "my-regression"
version = "1.0.0"
description = "Two keywords of my own records"
seed = 1
keywords = ["USFLUX", "TOTUSJH"]
events = ["M1.0"]

[data]
layout = "table"
rows = "rows.csv"
region = "spot"
time = "when"
time_scale = "TAI"

[data.keywords]
flux_total = { name = "USFLUX" }
helicity = { name = "TOTUSJH", unit = "G²/m" }
size = { name = "SIZE", unit = "mm²" }

[data.labels]
"M1.0" = "flared"

[split]
kind = "chronological"
validate_from = 2014-01-01
test_from = 2014-07-01

[estimator]
kind = "logistic-regression"
"""
COLUMNS = {
    "spot": [12673, 12673, 12674],
    "when": ["2017-09-06T10:00:37", "2017-09-06T11:00:37", "2017-09-06T11:00:37"],
    "flux_total": ["1.31e22", "0.1", "N/A"],
    "helicity": ["1040.25", "", "12"],
    "size": [1, 2, 3],
    "flared": [1, 1, 0],
}


def write(folder: Path, name: str = "rows.csv", **columns: object) -> Path:
    frame = pd.DataFrame(COLUMNS).assign(**columns)
    path = folder / name
    if name.endswith("parquet"):
        numeric = ["flux_total", "helicity"]
        frame[numeric] = frame[numeric].apply(pd.to_numeric, errors="coerce")
        frame["when"] = pd.to_datetime(frame["when"])
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    return path


def recipe(folder: Path, *changes: tuple[str, str]) -> Path:
    text = RECIPE
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "my.toml"
    path.write_text(text)
    return path


def test_a_file_is_sent_under_the_columns_of_its_recipe(api, sender, tmp_path) -> None:
    path = write(tmp_path)

    status, summary, log = sender.run("replay", path, "--recipe", recipe(tmp_path))

    assert status == 0
    assert summary["accepted"] == 3
    # 2017-09-06 11:00:37 TAI is 37 s ahead of UTC.
    assert api.stored[-12674, "2017-09-06T11:00:00Z"] == {
        "noaa_ars": [12674], "t_rec": "2017-09-06T11:00:00Z", "series": "my-regression",
        "keywords": {"TOTUSJH": 12.0},
    }  # fmt: skip
    assert api.stored[-12673, "2017-09-06T10:00:00Z"]["keywords"] == {
        "USFLUX": 1.31e22, "TOTUSJH": 1040.25,
    }  # fmt: skip
    assert log.count("my.toml: no SHARP keyword, not sent: SIZE (size)") == 1


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.tsv", "rows.parquet"])
@pytest.mark.parametrize("scale", ["TAI", "UTC"])
def test_training_and_replay_read_the_same_values(tmp_path: Path, name: str, scale: str) -> None:
    path = write(tmp_path, name)
    toml = recipe(tmp_path, ('"rows.csv"', f'"{name}"'), ('"TAI"', f'"{scale}"'))

    trained = load(read_recipe(toml).data, tmp_path)
    sent = read_rows(path, read_layout(toml)).sorted()

    np.testing.assert_array_equal(sent.t_rec, trained.t_rec)
    assert [ars[0] for ars in sent.noaa_ars.rows()] == trained.region_id.tolist()
    for keyword in ("USFLUX", "TOTUSJH"):
        # pandas reads decimals to the last bit but one.
        np.testing.assert_allclose(
            sent.keyword(keyword), trained.feature(keyword), rtol=1e-15, equal_nan=True
        )


@pytest.mark.parametrize("scale", ["TAI", "UTC"])
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2017-09-06T11:00:00Z", "2017-09-06T11:00:00"),
        ("2017-09-06T06:00:00-05:00", "2017-09-06T11:00:00"),
        ("2017.09.06_11:00:37_TAI", "2017-09-06T11:00:00"),
        ("2017-09-06 11:00", None),
    ],
)
def test_a_zone_or_a_label_in_the_file_counts_more_than_the_scale_of_the_recipe(
    tmp_path: Path, scale: str, written: str, expected: str | None
) -> None:
    path = write(tmp_path, when=[written] * 3, spot=[1, 2, 3])
    toml = recipe(tmp_path, ('"TAI"', f'"{scale}"'))
    bare = {"TAI": "2017-09-06T10:59:23", "UTC": "2017-09-06T11:00:00"}[scale]

    trained = load(read_recipe(toml).data, tmp_path).t_rec
    sent = read_rows(path, read_layout(toml)).t_rec

    assert {str(at) for at in sent} == {f"{expected or bare}.000000"}
    np.testing.assert_array_equal(sent, trained)


@pytest.mark.parametrize(
    ("change", "harpnum", "noaa_ars"),
    [
        ('harps = "map.txt"', 12673, ()),
        ('region_numbers = "harp"', 12673, ()),
        ('region_numbers = "noaa"', 0, (12673,)),
    ],
)
def test_the_recipe_says_what_the_numbers_of_regions_are(
    tmp_path: Path, change: str, harpnum: int, noaa_ars: tuple[int, ...]
) -> None:
    toml = recipe(tmp_path, ('region = "spot"', f'region = "spot"\n{change}'))

    rows = read_rows(write(tmp_path), read_layout(toml))

    assert (rows.harpnum[0], rows.noaa_ars.rows()[0]) == (harpnum, noaa_ars)


def test_position_and_quality_are_sent_where_the_recipe_names_them(tmp_path: Path) -> None:
    toml = recipe(
        tmp_path,
        ("size = {", 'west = { name = "LON_FWT" }\nbits = { name = "QUALITY" }\nsize = {'),
    )

    rows = read_rows(write(tmp_path, west=[1.0, 2.0, 3.0], bits=[0, 1024, 0]), read_layout(toml))

    assert rows.lon_fwt.tolist() == [1.0, 2.0, 3.0]
    assert rows.quality.tolist() == [0.0, 1024.0, 0.0]


def test_a_recipe_of_sharp_names_gives_the_series_alone(tmp_path: Path) -> None:
    toml = tmp_path / "sharp.toml"
    toml.write_text('name = "mine"\n[data]\nrows = "rows.csv"\n')

    assert read_layout(toml) == Layout(default_series="mine", recipe="sharp.toml")


@pytest.mark.parametrize(
    ("options", "columns", "series"),
    [
        ([], {}, "my-regression"),
        ([], {"series": ["hmi.sharp_720s", "", "hmi.sharp_720s_nrt"]}, None),
        (["--series", "own.v2"], {"series": ["a", "b", "c"]}, "own.v2"),
    ],
)
def test_the_series_is_what_was_said_last_of_it(
    api, sender, tmp_path, options, columns, series
) -> None:
    path = write(tmp_path, **columns)

    sender.run("replay", path, "--recipe", recipe(tmp_path), *options)

    sent = {key[0]: row["series"] for key, row in sorted(api.stored.items())}
    of_each = {-12674: "hmi.sharp_720s_nrt", -12673: "my-regression"}
    assert sent == ({-12674: series, -12673: series} if series else of_each)


def test_an_instance_of_swan_sf_is_of_the_series_that_it_was_cut_from(tmp_path: Path) -> None:
    path = tmp_path / "lab[M]1.5@7571_id[3686]_st[2014-02-03T170000]_et[2014-02-04T044800].csv"
    path.write_text("Timestamp\tUSFLUX\n2014-02-03T17:00:00\t1e22\n")

    def series(layout: Layout) -> set[str]:
        (chunk,) = Replay([path], layout=layout).chunks(Position())
        return set(chunk.rows.series.rows())

    assert series(Layout()) == {"hmi.sharp_cea_720s"}
    assert series(Layout(default_series="mine")) == {"hmi.sharp_cea_720s"}
    assert series(Layout(series="mine")) == {"mine"}


def test_a_changed_mapping_sends_the_file_again(api, sender, tmp_path) -> None:
    path = write(tmp_path)
    sender.run("replay", path, "--recipe", recipe(tmp_path))

    _, same, _ = sender.run("replay", path, "--recipe", recipe(tmp_path, ("seed = 1", "seed = 2")))
    _, other, _ = sender.run("replay", path, "--recipe", recipe(tmp_path, ('"TAI"', '"UTC"')))
    _, named, _ = sender.run("replay", path, "--recipe", recipe(tmp_path), "--series", "own")

    assert [same["sent"], other["sent"], named["sent"]] == [0, 3, 3]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('time = "when"', 'time = "at"',
         r"rows.csv cannot be read: my.toml names columns that it lacks: at \(data.time\); it has"),
        ('time = "when"\n', "", r"my.toml: data.time: Field required"),
        ('time_scale = "TAI"', 'time_scale = "GPS"', r"my.toml: data.time_scale: .*'UTC' or 'TAI'"),
        ('layout = "table"', 'layout = ["table"]', r"data.layout is \['table'\]; replay reads"),
        ('layout = "table"', 'layout = "swan-sf"', r"my.toml: data.layout is 'swan-sf'; replay"),
        ('layout = "table"', 'layout = "windows"', r"'windows'; .* write its records as a table"),
        ('"G²/m"', '"G²/km"', r"data.keywords.helicity: TOTUSJH is declared in G²/km, the API"),
        ('"TOTUSJH", unit', '"USFLUX", unit', r"data uses the name USFLUX twice"),
        ('time = "when"', 'time = "spot"', r"data uses the column spot twice"),
        ('[data]', '[data', r"my.toml is not TOML"),
        ('"my-regression"', '"Mine (new)"', r"'Mine \(new\)' cannot name a series .* --series"),
        ('{ name = "USFLUX" }\nhelicity = { name = "TOTUSJH"', '{ name = "A" }\nhelicity = { name'
         ' = "B"', r"my.toml: data.keywords names no SHARP keyword"),
    ],
)  # fmt: skip
def test_a_recipe_that_cannot_be_used_is_refused_in_one_line(
    sender, tmp_path, before, after, message
) -> None:
    toml = recipe(tmp_path, (before, after))

    status, _, log = sender.run("replay", write(tmp_path), "--recipe", toml)

    assert status == 2
    assert "Traceback" not in log
    (error,) = [line for line in log.splitlines() if "ERROR" in line]
    assert re.search(message, error), error


def test_a_missing_recipe_is_named(sender, tmp_path) -> None:
    status, _, log = sender.run("replay", write(tmp_path), "--recipe", tmp_path / "no.toml")

    assert status == 2
    assert "no.toml cannot be read: No such file or directory" in log


def test_a_large_file_is_read_piece_by_piece_under_its_own_names(tmp_path: Path) -> None:
    path = write(tmp_path, "rows.parquet")
    layout = read_layout(recipe(tmp_path))

    whole = Replay([path], layout=layout)
    pieces = Replay([path], layout=layout, large=2)

    assert pieces._ordered == path
    shown = [
        [row for chunk in replay.chunks(Position()) for row in chunk.rows.observations()]
        for replay in (whole, pieces)
    ]
    assert shown[0] == shown[1]
    assert whole.fingerprint == pieces.fingerprint


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("T_REC,HARPNUM,USFLUX,usflux\n2014-03-01T00:00:00,1,1e22,2e22\n")

    with pytest.raises(InvalidInputError, match="several of its columns are called USFLUX"):
        read_rows(path)
