"""The display images of a source's objects, checked and decoded by threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from skylore.archive.schema import ID
from skylore.errors import ImageError
from skylore.imaging.decode import DisplayImage, to_display
from skylore.sources.base import Failure, SourceBatch

__all__ = ["with_images"]

A_TASK = 64
"""Images a thread decodes before it asks for more."""

Decoded = DisplayImage | ImageError | None


def with_images(
    batches: Iterator[SourceBatch], threads: int, max_pixels: int
) -> Iterator[tuple[pa.Table, list[Failure]]]:
    """Check the images of each batch, and set aside the objects whose image is bad.

    Threads work on the next batch while the caller writes this one.

    Yields
    ------
    (pyarrow.Table, list of Failure)
        The objects with ``image``, ``image_width``, ``image_height`` and ``image_rendering``, and
        those left out.
    """
    with ThreadPoolExecutor(threads) as pool:
        ahead: tuple[SourceBatch, Iterator[list[Decoded]]] | None = None
        for batch in chain(batches, [None]):
            started = (batch, _decode(pool, batch, max_pixels)) if batch is not None else None
            if ahead is not None:
                yield _finished(*ahead)
            ahead = started


def _decode(
    pool: ThreadPoolExecutor, batch: SourceBatch, max_pixels: int
) -> Iterator[list[Decoded]]:
    if "image" not in batch.objects.column_names:
        return iter(())
    images = batch.objects["image"].to_pylist()
    parts = [images[i : i + A_TASK] for i in range(0, len(images), A_TASK)]
    return pool.map(lambda part: [_display(data, max_pixels) for data in part], parts)


def _display(data: bytes | None, max_pixels: int) -> Decoded:
    try:
        return None if data is None else to_display(data, max_pixels=max_pixels)
    except ImageError as error:
        return error


def _finished(
    batch: SourceBatch, decoded: Iterator[list[Decoded]]
) -> tuple[pa.Table, list[Failure]]:
    objects, bad = batch.objects, list(batch.failures)
    if "image" not in objects.column_names:
        return objects, bad
    results = [result for part in decoded for result in part]
    shown = [result for result in results if not isinstance(result, ImageError)]
    if len(shown) < len(results):
        ids = objects[ID].to_pylist()
        wrong = [isinstance(result, ImageError) for result in results]
        bad += [
            Failure(name, result)
            for name, result in zip(ids, results, strict=True)
            if isinstance(result, ImageError)
        ]
        objects = objects.filter(pc.invert(pa.array(wrong)))
    return _replaced(objects, shown), bad


def _replaced(objects: pa.Table, shown: Sequence[DisplayImage | None]) -> pa.Table:
    made = objects["image_rendering"] if "image_rendering" in objects.column_names else None
    rendering = pa.array([s and s.rendering for s in shown], pa.string())
    columns = {
        "image": pa.array([s and s.data for s in shown], pa.binary()),
        "image_width": pa.array([s and s.width for s in shown], pa.int32()),
        "image_height": pa.array([s and s.height for s in shown], pa.int32()),
        "image_rendering": rendering if made is None else pc.coalesce(made, rendering),
    }
    for name, values in columns.items():
        if name in objects.column_names:
            objects = objects.set_column(objects.column_names.index(name), name, values)
        else:
            objects = objects.append_column(name, values)
    return objects
