from __future__ import annotations

import json
from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from skylore.archive.sky import healpix_29
from skylore.errors import QueryError
from skylore.search.filters import predicate_for
from skylore.search.query import Box, Moc, Polygon, Query
from skylore.search.regions.cover import MOST_RANGES, box_ranges, cell_radius, polygon_ranges
from skylore.search.regions.polygon import directions

ras = st.floats(0, 359.999999)
decs = st.floats(-90, 90)
sizes = st.floats(-4, 1.9).map(lambda power: 10**power)


def selected(query: Query, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Ask the engine which positions pass."""
    table = pa.table({"ra": ra, "dec": dec, "_healpix_29": healpix_29(ra, dec)})
    rows = lance.write_dataset(table, "memory://regions", mode="overwrite")
    found = rows.to_table(
        columns=["ra"], filter=predicate_for(query, table.schema), with_row_id=True
    )
    flags = np.zeros(len(ra), bool)
    flags[found["_rowid"].to_numpy()] = True
    return flags


def covered(ranges: list[tuple[int, int]], ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    cells = healpix_29(ra, dec)
    return np.any([(cells >= first) & (cells <= last) for first, last in ranges], axis=0)


def spread(ra: float, dec: float, size: float, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Scatter positions around one, half of them as far as the whole sky."""
    rng = np.random.default_rng(0)
    near = directions(np.array([ra]), np.array([dec])) + np.radians(size) * rng.normal(
        size=(count, 3)
    )
    points = np.concatenate([near, rng.normal(size=(count // 4, 3))])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    lon = np.degrees(np.arctan2(points[:, 1], points[:, 0])) % 360
    lon[lon >= 360] = 0
    return lon, np.degrees(np.arcsin(np.clip(points[:, 2], -1, 1)))


@given(ras, decs, sizes, sizes)
@example(0.0, 90.0, 1.0, 1.0)
@example(0.0, 0.0, 1e-4, 1e-4)
@example(359.9, -89.9, 1.0, 0.01)
@example(10.0, 0.0, 79.0, 1e-4)
def test_a_box_holds_what_lies_between_its_sides(
    ra: float, dec: float, width: float, height: float
) -> None:
    box = Box.around(ra, dec, width, height)
    points = spread(ra, dec, max(width, height))
    inside = (points[1] >= box.dec_min) & (points[1] <= box.dec_max)
    inside &= (points[0] - box.ra_min) % 360 <= box.width
    ranges = box_ranges(box)
    assert len(ranges) <= MOST_RANGES
    assert np.all(covered(ranges, *points)[inside])
    on_edge = np.isclose((points[0] - box.ra_min) % 360, box.width, rtol=0, atol=1e-10)
    assert np.array_equal(selected(Query(boxes=(box,)), *points)[~on_edge], inside[~on_edge])


def star(
    ra: float, dec: float, size: float, radii: list[float]
) -> tuple[Polygon, np.ndarray, np.ndarray]:
    """Make a polygon of corners around a point, the distances of which differ."""
    middle = directions(np.array([ra]), np.array([dec]))[0]
    east = np.cross([0, 0, 1], middle) if abs(dec) < 80 else np.cross([1, 0, 0], middle)
    east /= np.linalg.norm(east)
    north = np.cross(middle, east)
    turns = 2 * np.pi * np.arange(len(radii)) / len(radii)
    flat = (
        np.stack([np.cos(turns), np.sin(turns)], 1)
        * (np.tan(np.radians(size)) * np.array(radii))[:, None]
    )
    corners = middle + flat @ np.stack([east, north])
    lon = np.degrees(np.arctan2(corners[:, 1], corners[:, 0])) % 360
    lon[lon >= 360] = 0
    lat = np.degrees(np.arcsin(corners[:, 2] / np.linalg.norm(corners, axis=1)))
    polygon = Polygon(vertices=tuple(zip(lon.tolist(), lat.tolist(), strict=True)))
    return polygon, flat, np.stack([middle, east, north])


def in_plane(corners: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Say by the crossings of a ray whether points lie inside, and how near to the border."""
    inside = np.zeros(len(points), bool)
    nearest = np.full(len(points), np.inf)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        between = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            at = a[0] + (points[:, 1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
        inside ^= between & (points[:, 0] < at)
        along = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(points - a - along[:, None] * (b - a), axis=1))
    return inside, nearest


@given(
    ras,
    decs,
    st.floats(-3, 1.77).map(lambda power: 10**power),
    st.lists(st.floats(0.2, 1), min_size=5, max_size=24),
)
@example(0.0, 90.0, 1.0, [1.0] * 5)
@example(0.0, 0.0, 60.0, [1.0, 0.2] * 8)
def test_a_polygon_holds_what_great_circles_enclose(
    ra: float, dec: float, size: float, radii: list[float]
) -> None:
    try:
        polygon, corners, axes = star(ra, dec, size, radii)
    except ValueError:
        assume(False)
    ranges = polygon_ranges(polygon)
    assert len(ranges) <= MOST_RANGES
    points = spread(ra, dec, size)
    seen = directions(*points) @ axes.T
    front = seen[:, 0] > 1e-3
    inside, nearest = np.zeros(len(front), bool), np.full(len(front), np.inf)
    inside[front], nearest[front] = in_plane(corners, seen[front, 1:] / seen[front, :1])
    clear = nearest > 1e-6 * np.tan(np.radians(size))
    assert np.all(covered(ranges, *points)[inside & clear])
    assert np.array_equal(selected(Query(polygons=(polygon,)), *points)[clear], inside[clear])


def test_no_position_is_lost_between_the_triangles_of_a_polygon() -> None:
    polygon, _, _ = star(10, 20, 1, [1.0] * 12)
    corners = np.array(polygon.vertices)
    middles = directions(corners[:, 0], corners[:, 1])
    chords = np.concatenate([(middles + np.roll(middles, -k, axis=0)) / 2 for k in range(2, 7)])
    lon = np.degrees(np.arctan2(chords[:, 1], chords[:, 0])) % 360
    lat = np.degrees(np.arcsin(chords[:, 2] / np.linalg.norm(chords, axis=1)))
    assert selected(Query(polygons=(polygon,)), lon, lat).all()


@pytest.mark.parametrize(
    ("vertices", "why"),
    [
        ([(0, 0), (1, 1), (0, 1), (1, 0)], "cross"),
        ([(0, 0), (1, 0), (2, 0)], "one line"),
        ([(0, 0), (0, 0), (2, 2)], "same"),
        ([(0, 0), (120, 0), (240, 0)], "85 degrees"),
        ([(0, 0), (170, 10), (170, -10)], "85 degrees"),
        ([(0, 0), (1, 1)], "at least 3"),
    ],
)
def test_polygons_that_enclose_nothing_are_refused(
    vertices: list[tuple[float, float]], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Polygon(vertices=tuple(vertices))


def test_boxes_as_people_write_them() -> None:
    assert Box.parse("350 10 -5, 5") == Box(ra_min=350, ra_max=10, dec_min=-5, dec_max=5)
    around = Box.parse("0.1 60 1x0.5")
    assert around == Box.around(0.1, 60, 1, 0.5)
    assert (around.ra_min, around.ra_max) == pytest.approx((359.1, 1.1))
    assert Box.parse("10 89.9 1 x 1").width == 360
    for wrong in ("1 2 3", "1 2 5 5", "1 1 0 2", "400 20 1x1", "1 2 0x1", "x", "1 2 nan 4"):
        with pytest.raises(QueryError, match="is not a box"):
            Box.parse(wrong)
    with pytest.raises(QueryError, match="one coordinate is left over"):
        Polygon.parse("1 2 3 4 5 6 7")


@given(
    st.integers(0, 11).flatmap(
        lambda order: st.tuples(
            st.just(order), st.sets(st.integers(0, 12 * 4**order - 1), min_size=1, max_size=30)
        )
    )
)
def test_a_coverage_map_holds_its_cells(given_cells: tuple[int, set[int]]) -> None:
    order, cells = given_cells
    moc = Moc(cells=f"{order}/" + ",".join(map(str, cells)))
    assert Moc(cells=moc.cells) == moc
    points = spread(100, 30, 60)
    inside = np.isin(healpix_29(*points) >> 2 * (29 - order), list(cells))
    assert np.array_equal(selected(Query(mocs=(moc,)), *points), inside)


def test_coverage_maps_are_read_from_files(tmp_path: Path) -> None:
    from mocpy import MOC

    moc = MOC.from_string("5/1-3 6/100 29/5", "ascii")
    moc.save(tmp_path / "a.fits", "fits")
    moc.save(tmp_path / "a.json", "json")
    (tmp_path / "a.txt").write_text("29/5 6/100\n5/1-3")
    (tmp_path / "b.json").write_text(json.dumps({"5": [1, 2, 3], "6": [100], "29": [5], "10": []}))
    read = {Moc.read(path) for path in tmp_path.iterdir()}
    assert read == {Moc(cells="5/1-3 6/100 29/5")}
    assert Query.build(moc=str(tmp_path / "a.fits")).mocs == tuple(read)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{}", "empty"),
        (b"5/", "empty"),
        (b"hello", "not a coverage map"),
        (b"30/1", "the sky has not"),
        (b"5/99999999999", "not a coverage map"),
        (b"\xff\xfe", "codec"),
        (b"SIMPLE  = nothing", "coverage map"),
        (b"8/" + b",".join(b"%d" % (2 * i) for i in range(3000)), "make it coarser"),
    ],
)
def test_what_is_no_coverage_map_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "x.moc").write_bytes(content)
    with pytest.raises(QueryError, match=why):
        Moc.read(tmp_path / "x.moc")


def test_a_missing_map_is_said() -> None:
    with pytest.raises(QueryError, match="No such file"):
        Query.build(moc="nowhere.fits")


def test_kinds_narrow_and_repeats_widen() -> None:
    points = spread(10, 10, 2, 2000)
    one, other = Box.around(9, 10, 2, 2), Box.around(11, 10, 2, 2)
    cone = "10 10 1"
    asked = [Query.build(box=[one, other]), Query.build(cone=cone)]
    both = selected(Query.build(box=[one, other], cone=cone), *points)
    either, within = (selected(query, *points) for query in asked)
    assert np.array_equal(both, either & within)
    each = [selected(Query.build(box=b), *points) for b in (one, other)]
    assert np.array_equal(either, each[0] | each[1])
    assert either.sum() > both.sum() > 0


@pytest.mark.parametrize("order", range(8))
def test_no_cell_is_larger_than_its_bound(order: int) -> None:
    import astropy.units as u
    from cdshealpix import healpix_to_lonlat, vertices

    cells = np.arange(12 * 4 ** min(order, 4), dtype=np.uint64) * np.uint64(4 ** max(0, order - 4))
    centres = directions(*(a.to_value(u.deg) for a in healpix_to_lonlat(cells, order)))
    corners = directions(*(a.to_value(u.deg) for a in vertices(cells, order)))
    farthest = np.degrees(np.arccos(np.clip((corners * centres[:, None]).sum(-1).min(), -1, 1)))
    assert farthest <= cell_radius(order) * (1 + 1e-9) + 1e-6
