"""The labelled objects of an archive: their classes, and the groups that are never split."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from skylore.archive.staging import ROW
from skylore.classification.separation import Separation, separation_columns, separations
from skylore.classification.settings import ClassifierSettings
from skylore.classification.sky_groups import sky_groups
from skylore.errors import ModelError
from skylore.morphology.dataset import group_names, share_by_hash
from skylore.morphology.label_columns import texts_of

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["Labelled", "class_names", "digests_of", "read_labelled"]


@dataclass(frozen=True)
class Labelled:
    """Objects with an image and a class.

    Attributes
    ----------
    classes : tuple of str
    rows : Array
        Where they are in the archive.
    labels : ndarray, shape (N,), int64
        The place of each object's class.
    groups : ndarray, shape (N,), str
        Objects of one group are never split.
    digests : ndarray, shape (N,), int64
        By which objects are known again without naming them.
    kept_back : int
        Labelled objects that are not among them, to be judged on later.
    """

    classes: tuple[str, ...]
    rows: pa.Array
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    digests: NDArray[np.int64]
    kept_back: int


def read_labelled(
    archive: Archive,
    column: str,
    settings: ClassifierSettings,
    *,
    where: str | None = None,
    group: str | None = None,
    separation: Separation = "cutout",
) -> Labelled:
    """Read classes and groups, and keep a share of the groups back.

    Parameters
    ----------
    archive : Archive
    column : str
        Of the classes: text, boolean or whole numbers; null, NaN or blank where there is no label.
    settings : ClassifierSettings
    where : str, optional
        Trusted SQL: which objects may be seen.
    group : str, optional
        A column; objects of one value are never split.
    separation : float or "cutout", optional
        Arcseconds; objects closer than that are never split. By default it is the width of a
        cutout where the archive knows it (pixels × ``pxscale``) and 60″ where not, so that no
        galaxy is learnt from and judged on. Without positions each object is on its own.

    Raises
    ------
    ColumnError
        A column is missing or of the wrong type.
    ModelError
        A class has too few examples, or there are fewer than two classes.
    """
    wanted = ["id", column, *([group] if group else [])]
    archive.require(["image", *wanted])
    positions = [] if group else separation_columns(archive.schema, separation)
    seen = f"image IS NOT NULL AND `{column}` IS NOT NULL" + (f" AND ({where})" if where else "")
    asked = list(dict.fromkeys([*wanted, *positions]))
    table = archive.read(asked, where=seen, row_ids=True).sort_by("id")
    table = table.filter(pc.is_valid(class_names(table, column)))
    groups = np.array(_groups(table, group, separation), str)
    # By another name than validation goes by, or all that validates would be kept back first.
    back = share_by_hash([f"test {name}" for name in groups], settings.test)
    table, groups = table.filter(pa.array(~back)), groups[~back]
    names = class_names(table, column).to_pylist()
    classes = _checked_classes(names, column, settings.fewest, int(back.sum()))
    return Labelled(
        classes=classes,
        rows=table[ROW].combine_chunks(),
        labels=np.array([classes.index(name) for name in names], np.int64),
        groups=groups,
        digests=digests_of(table["id"]),
        kept_back=int(back.sum()),
    )


def class_names(table: pa.Table, column: str) -> pa.ChunkedArray:
    """Give the classes of a column as texts; null where there is none.

    Whole numbers may be kept as floating-point ones, as tables with gaps have them.

    Raises
    ------
    ColumnError
        The column holds neither text nor booleans nor whole numbers.
    """
    values = table[column]
    if pa.types.is_floating(values.type):
        known = pc.if_else(pc.is_nan(values), None, values)
        if pc.all(pc.equal(known, pc.floor(known))).as_py() is not False:
            table = pa.table({column: known.cast(pa.int64())})
    texts = pc.utf8_trim_whitespace(texts_of(table, column))
    return pc.if_else(pc.equal(texts, ""), None, texts)


def digests_of(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Give 64 bits of the digest of each id, ``(N,)``."""
    texts = ids.cast(pa.string()).to_pylist()
    parts = (hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return np.array([int.from_bytes(part, signed=True) for part in parts], np.int64)


def _checked_classes(names: list[str], column: str, fewest: int, kept_back: int) -> tuple[str, ...]:
    counts = Counter(names)
    if len(counts) < 2:
        raise ModelError(
            f"the column {column!r} has {len(counts)} classes among the objects with images; it "
            "takes two to tell apart"
        )
    rare = [f"{name!r} ({count})" for name, count in sorted(counts.items()) if count < fewest]
    if rare:
        besides = f", besides the {kept_back} objects kept back" if kept_back else ""
        raise ModelError(
            f"these classes of {column!r} have fewer than {fewest} examples{besides}: "
            f"{', '.join(rare)}. Label more of them, leave them out with --where, or lower --fewest"
        )
    return tuple(sorted(counts))


def _groups(table: pa.Table, group: str | None, separation: Separation) -> list[str]:
    if group is not None or separation is None or "ra" not in table.schema.names:
        return group_names(table, group)
    ra, dec = (table[n].to_numpy().astype(float) for n in ("ra", "dec"))
    numbers = sky_groups(ra, dec, separations(table, separation))
    own = table["id"].cast(pa.string()).to_pylist()
    first: dict[int, str] = {}
    # Named by its first object, a group lies on the same side whatever else is in the archive.
    return [
        first.setdefault(number, name) for number, name in zip(numbers.tolist(), own, strict=True)
    ]
