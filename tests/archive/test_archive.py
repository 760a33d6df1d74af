from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.archive.info import describe
from skylore.archive.sky import cone_ranges, healpix_29, separation
from skylore.archive.table import Archive
from skylore.errors import ArchiveError, ArchiveExistsError, ArchiveNotFoundError, ColumnError


def test_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ArchiveExistsError, match="not empty"):
        Archive.create(tmp_path)
    Archive.create(tmp_path / "a.skylore")
    with pytest.raises(ArchiveExistsError):
        Archive.create(tmp_path / "a.skylore")
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveExistsError):
        Archive.create(tmp_path / "file")


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ArchiveNotFoundError, match="skylore ingest"):
            Archive.open(path)
    archive = Archive.create(tmp_path / "a.skylore")
    with pytest.raises(ArchiveNotFoundError, match="version 99"):
        Archive.open(archive.location.root, version=99)


def test_format_of_another_skylore(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "a.skylore")
    archive.objects.update_schema_metadata({"skylore:format": "99"})
    with pytest.raises(ArchiveError, match="format 99"):
        Archive.open(archive.location.root)


def test_versions_can_be_opened(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "a.skylore")
    archive.append(pa.table({"id": ["a"]}))
    before = archive.version
    archive.append(pa.table({"id": ["b"]}))
    assert len(Archive.open(archive.location.root)) == 2
    assert len(Archive.open(archive.location.root, version=before)) == 1
    assert [v.number for v in archive.versions] == sorted(v.number for v in archive.versions)


def test_an_open_archive_sees_others_work_when_refreshed(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "a.skylore")
    other = Archive.open(archive.location.root)
    archive.append(pa.table({"id": ["a"]}))
    assert len(other) == 0
    other.refresh()
    assert len(other) == 1


def test_missing_column_is_named(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "a.skylore")
    with pytest.raises(ColumnError, match="gini"):
        archive.read(["gini"])


def test_info_counts_and_explains(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "a.skylore")
    archive.append(pa.table({"id": ["a", "b"], "ra": [1.0, None], "source": ["s", "s"]}))
    archive.quarantine.add(
        "measure", [{"id": "b", "row": 1, "kind": "ImageError", "reason": "cut off", "trace": ""}]
    )
    summary = describe(archive)
    assert summary.sources == {"s": 2}
    assert {c.name: n for c, n in summary.columns}["ra"] == 1
    text = str(summary)
    assert "2 objects" in text
    assert "measure: 1 × ImageError, such as b: cut off" in text
    assert summary.to_json()["failures"][0]["count"] == 1


positions = st.tuples(st.floats(0, 359.999), st.floats(-90, 90))


@given(positions, positions, st.floats(1e-4, 179))
def test_cone_ranges_cover_the_cone(
    centre: tuple[float, float], point: tuple[float, float], radius: float
) -> None:
    distance = separation(np.array([point[0]]), np.array([point[1]]), *centre)[0]
    cell = int(healpix_29(np.array([point[0]]), np.array([point[1]]))[0])
    covered = any(first <= cell <= last for first, last in cone_ranges(*centre, radius))
    assert covered or distance > radius


@given(positions, st.floats(1e-6, 1), st.floats(0, 360))
def test_points_just_inside_are_covered(
    centre: tuple[float, float], radius: float, angle: float
) -> None:
    dec = np.clip(centre[1] + 0.99 * radius * np.sin(np.radians(angle)), -90, 90)
    stretch = max(np.cos(np.radians(dec)), 1e-9)
    ra = (centre[0] + 0.99 * radius * np.cos(np.radians(angle)) / stretch) % 360
    distance = separation(np.array([ra]), np.array([dec]), *centre)[0]
    cell = int(healpix_29(np.array([ra]), np.array([dec]))[0])
    covered = any(first <= cell <= last for first, last in cone_ranges(*centre, radius))
    assert covered or distance > radius


@given(positions, positions)
def test_separation_is_a_distance(one: tuple[float, float], other: tuple[float, float]) -> None:
    there = separation(np.array([one[0]]), np.array([one[1]]), *other)[0]
    back = separation(np.array([other[0]]), np.array([other[1]]), *one)[0]
    assert there == pytest.approx(back, abs=1e-9)
    assert 0 <= there <= 180
