"""The manifest of an experiment: an archive with a row a run."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING

import pyarrow as pa

from skylore.archive.location import Location
from skylore.archive.table import Archive
from skylore.errors import ArchiveError, ArchiveNotFoundError

if TYPE_CHECKING:
    from skylore.scaling.experiments.settings import Experiment, Grid

__all__ = ["find_manifest", "plan_runs", "require_manifest"]

_COLUMNS = {
    "task": (pa.string(), "what is trained and how, as JSON"),
    "data": (pa.int64(), "objects that the run learns from"),
    "width": (pa.int64(), "of the model"),
    "seed": (pa.int64(), "of initialisation and batches"),
    "subset": (pa.int64(), "order of the objects; subsets of one order are nested"),
}


def plan_runs(path: Location, experiment: Experiment, source: Archive, grid: Grid) -> Archive:
    """Write a row for each run of the grid that is not there yet; make the archive if need be.

    Sizes, widths and seeds can be added to an experiment at any time. What is there is kept.

    Raises
    ------
    ArchiveError
        The archive holds objects, or runs of another experiment.
    """
    manifest = find_manifest(path, experiment)
    if manifest is None:
        manifest = Archive.create(path.root, storage_options=path.storage_options)
    with manifest.lock("plan"):
        fields = [
            pa.field(name, kind, metadata={"description": text})
            for name, (kind, text) in _COLUMNS.items()
        ]
        manifest.add_columns(fields)
        there = set(manifest.read(["id"])["id"].to_pylist())
        rows = [row for row in _rows(experiment, str(source), grid) if row["id"] not in there]
        if rows:
            manifest.append(pa.Table.from_pylist(rows))
    return manifest


def find_manifest(path: Location, experiment: Experiment) -> Archive | None:
    """Open the manifest of this experiment; None if there is none yet.

    Raises
    ------
    ArchiveError
        The archive holds objects, or runs of another experiment.
    """
    try:
        manifest = Archive.open(path.root, storage_options=path.storage_options)
    except ArchiveNotFoundError:
        return None
    if len(manifest):
        require_manifest(manifest)
        _require_same(manifest, experiment)
    return manifest


def require_manifest(archive: Archive) -> None:
    """Refuse an archive that does not hold runs.

    Raises
    ------
    ArchiveError
        It does not.
    """
    if not set(_COLUMNS) <= set(archive.schema.names):
        raise ArchiveError(
            f"{archive} holds no training runs; make some with `skylore scale run ARCHIVE --runs "
            "RUNS`, RUNS being an archive of its own"
        )


def _require_same(manifest: Archive, experiment: Experiment) -> None:
    asked = experiment.model_dump_json()
    others = {text for text in manifest.read(["task"])["task"].to_pylist() if text != asked}
    if others:
        changed = _differences(experiment, others.pop())
        raise ArchiveError(
            f"{manifest} holds runs of another experiment ({changed}); say the same again to go "
            "on with it, or give another --runs"
        )


def _differences(experiment: Experiment, other: str) -> str:
    asked, there = experiment.model_dump(mode="json"), json.loads(other)
    names = sorted({*asked, *there})
    changed = [name for name in names if asked.get(name) != there.get(name)]
    return f"other {', '.join(changed)}"


def _rows(experiment: Experiment, source: str, grid: Grid) -> list[dict[str, str | int]]:
    """Give the rows, the cheapest runs first, so that what cannot work fails soon."""
    task = experiment.model_dump_json()
    return [
        {
            "id": f"{experiment.name}/d{size}/w{width}/s{seed}",
            "source": source,
            "task": task,
            "data": size,
            "width": width,
            "seed": seed,
            "subset": seed,
        }
        for size, width, seed in product(sorted(grid.sizes), sorted(grid.widths), range(grid.seeds))
    ]
