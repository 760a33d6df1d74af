from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord, match_coordinates_sky, search_around_sky
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv
from typer.testing import CliRunner

from skylore.archive.sky import cells_of
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.errors import QueryError, SourceError
from skylore.matching import candidates as near
from skylore.matching import pairs
from skylore.matching.candidates import cells_near
from skylore.matching.service import join_matched, match_file, match_positions, parse_angle
from skylore.search.regions.polygon import directions


def sky(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scatter positions over the sky, many of them at the poles and where right ascension ends."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rows, 3))
    poles = rows // 4
    points[:poles] = [0, 0, 1] + 1e-5 * rng.normal(size=(poles, 3))
    points[:poles] *= rng.choice([-1, 1], (poles, 1))
    points[poles : 2 * poles] = [1, 0, 0] + 1e-5 * rng.normal(size=(poles, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    ra = np.degrees(np.arctan2(points[:, 1], points[:, 0])) % 360
    return np.where(ra >= 360, 0, ra), np.degrees(np.arcsin(np.clip(points[:, 2], -1, 1)))


def make(path: Path, ra: np.ndarray, dec: np.ndarray) -> Archive:
    archive = Archive.create(path)
    where = pa.table({"ra": ra, "dec": dec})
    half = len(ra) // 2
    objects = pa.table(
        {
            "id": [f"o{i}" for i in range(len(ra))],
            "ra": ra,
            "dec": dec,
            "_healpix_29": cells_of(where),
        }
    )
    archive.append(objects.slice(0, half))
    archive.append(objects.slice(half))
    archive.append(pa.table({"id": ["nowhere"]}))
    return archive


def listed(ra: np.ndarray, dec: np.ndarray) -> pa.Table:
    return pa.table({"id": [f"p{i}" for i in range(len(ra))], "ra": ra, "dec": dec})


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return make(tmp_path_factory.mktemp("match") / "a.skylore", *sky(4000, 1))


@pytest.mark.parametrize("radius", [0.3, 2.0, 30.0, 3600.0])
@pytest.mark.parametrize("ranges", [0, 10_000])
def test_the_nearest_is_that_of_astropy(
    archive: Archive, radius: float, ranges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near, "_MOST_RANGES", ranges)
    monkeypatch.setattr(near, "CHUNK", 700)
    monkeypatch.setattr(pairs, "MOST_PAIRS", 5000)
    ra, dec = sky(1500, 2)
    match = match_positions(archive, listed(ra, dec), radius)
    objects = archive.read(["id", "ra", "dec"], where="ra IS NOT NULL")
    there = SkyCoord(objects["ra"].to_numpy(), objects["dec"].to_numpy(), unit="deg")
    index, separation, _ = match_coordinates_sky(SkyCoord(ra, dec, unit="deg"), there)
    close = separation.arcsec <= radius
    assert match.table["row"].to_pylist() == np.flatnonzero(close).tolist()
    assert match.table["separation_arcsec"].to_numpy() == pytest.approx(
        separation.arcsec[close], rel=1e-6, abs=1e-7
    )
    assert match.table["id"].to_pylist() == objects["id"].take(index[close]).to_pylist()
    assert match.unmatched.to_pylist() == np.flatnonzero(~close).tolist()
    assert match.table["list_id"].to_pylist() == [f"p{i}" for i in np.flatnonzero(close)]


def test_all_pairs_are_those_of_astropy(archive: Archive) -> None:
    ra, dec = sky(800, 3)
    match = match_positions(archive, listed(ra, dec), 3.0, which="all")
    objects = archive.read(["id", "ra", "dec"], where="ra IS NOT NULL")
    there = SkyCoord(objects["ra"].to_numpy(), objects["dec"].to_numpy(), unit="deg")
    one, other, _, _ = search_around_sky(SkyCoord(ra, dec, unit="deg"), there, 3 * u.arcsec)
    expected = set(zip(one.tolist(), objects["id"].take(other).to_pylist(), strict=True))
    found = list(zip(match.table["row"].to_pylist(), match.table["id"].to_pylist(), strict=True))
    assert len(found) == len(set(found)) > 1000
    assert set(found) == expected


@given(
    st.floats(0, 359.99), st.floats(-90, 90), st.floats(-7, 0).map(lambda p: 10**p), st.integers(0)
)
def test_cells_and_their_neighbours_hold_the_radius(
    ra: float, dec: float, radius: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    middle = directions(np.array([ra]), np.array([dec]))
    around = rng.normal(size=(200, 3))
    around -= (around @ middle.T) * middle
    around *= np.tan(np.radians(radius * 0.999999)) / np.linalg.norm(around, axis=1, keepdims=True)
    edge = middle + around
    edge /= np.linalg.norm(edge, axis=1, keepdims=True)
    lon = np.degrees(np.arctan2(edge[:, 1], edge[:, 0])) % 360
    lat = np.degrees(np.arcsin(np.clip(edge[:, 2], -1, 1)))
    order, cells = cells_near(np.array([ra]), np.array([dec]), radius)
    placed = pa.table({"ra": np.where(lon >= 360, 0, lon), "dec": lat})
    assert np.isin(cells_of(placed).to_numpy() >> 2 * (29 - order), cells).all()


def test_rows_without_a_position(archive: Archive) -> None:
    positions = pa.table({"id": ["a", "b"], "ra": [None, 10.0], "dec": [5.0, -91.0]})
    match = match_positions(archive, positions)
    assert (match.table.num_rows, match.nowhere, len(match.unmatched)) == (0, 2, 0)
    assert "2 have no position" in str(match)


@pytest.mark.parametrize(
    ("text", "arcsec"),
    [("1arcsec", 1), ("500mas", 0.5), ("2 arcmin", 120), (".5", 0.5), ("0.1deg", 360), ('3"', 3)],
)
def test_angles(text: str, arcsec: float) -> None:
    assert parse_angle(text) == pytest.approx(arcsec)


def test_what_cannot_be_matched_is_refused(archive: Archive, tmp_path: Path) -> None:
    for text in ("far", "-1arcsec", "1 parsec", "nan"):
        with pytest.raises(QueryError, match="is not an angle"):
            parse_angle(text)
    for radius in (0, -1, 3601, np.nan):
        with pytest.raises(QueryError, match="radius"):
            match_positions(archive, listed(*sky(4, 0)), radius)
    with pytest.raises(SourceError, match="no positions"):
        match_positions(archive, pa.table({"id": [1]}))
    with pytest.raises(SourceError, match='column "dec" has type string'):
        match_positions(archive, pa.table({"id": [1], "ra": [1.0], "catalogue_dec": ["+1:00"]}))


@pytest.mark.parametrize("suffix", [".csv", ".fits", ".parquet", ".vot"])
def test_the_command(archive: Archive, tmp_path: Path, suffix: str) -> None:
    ra, dec = sky(50, 1)
    rows = Table({"name": [f"s{i}" for i in range(52)], "ra": [*ra, 10.0, 20.0]})
    rows["dec"], rows["z"] = [*dec, 5.0, 6.0], np.arange(52.0)
    rows.write(tmp_path / "list.fits")
    out = tmp_path / f"out{suffix}"
    command = ["match", archive.location.root, str(tmp_path / "list.fits"), "-o", str(out)]
    command += ["--radius", "0.1arcsec", "--id-column", "name", "--keep-unmatched"]
    done = CliRunner().invoke(app, command)
    direct, _ = match_file(archive, tmp_path / "list.fits", 0.1, id_column="name")
    assert str(direct) in done.stderr
    read = {".csv": csv.read_csv, ".parquet": pq.read_table}.get(suffix, Table.read)
    assert len(read(out)) == direct.with_unmatched().num_rows
    assert 0 < len(direct.unmatched) <= 2 + 50


def test_columns_of_the_list_join_the_objects(tmp_path: Path) -> None:
    ra, dec = np.array([10.0, 20.0, 30.0]), np.array([0.0, 40.0, 89.9999])
    archive = make(tmp_path / "a.skylore", ra, dec)
    arcsec = 1 / 3600
    positions = pa.table(
        {
            "id": [1, 2, 3],
            "ra": [10.0, 10.0, 210.0],
            "dec": [0.5 * arcsec, -0.2 * arcsec, 89.9999],
            "z": [0.1, 0.2, 0.3],
        }
    )
    match = match_positions(archive, positions, 1.0)
    report = join_matched(archive, match, positions, "list")
    assert report.joined == 2
    values = archive.read(["id", "z", "match_id", "match_separation"], where="z IS NOT NULL")
    assert values.to_pylist() == [
        {"id": "o0", "z": 0.2, "match_id": 2, "match_separation": pytest.approx(0.2, rel=1e-6)},
        {"id": "o2", "z": 0.3, "match_id": 3, "match_separation": pytest.approx(0.72, rel=1e-6)},
    ]
    with pytest.raises(SourceError, match="no position of other"):
        join_matched(archive, match_positions(archive, listed(ra, -dec - 1)), positions, "other")
