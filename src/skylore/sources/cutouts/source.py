"""A list of positions as a source of images, which a survey's cutout service gives."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from skylore.errors import ImageError, SourceError
from skylore.explaining import told
from skylore.imaging.render import Rendering
from skylore.sources.base import Failure, SourceBatch
from skylore.sources.batching import chunk_wanted
from skylore.sources.cutouts.cache import CutoutCache, default_cache
from skylore.sources.cutouts.faults import AbsentError
from skylore.sources.cutouts.fetching import Fetcher
from skylore.sources.cutouts.services import make_service
from skylore.sources.cutouts.settings import CutoutSettings, FileFormat, Manners, ServiceName
from skylore.sources.drawing import picture_of
from skylore.sources.remarks import about_columns, counted
from skylore.sources.roles import why_no_position
from skylore.sources.tables import Catalogue, load_catalogue
from skylore.sources.walk import printable

__all__ = ["CutoutSource"]

_ROWS_A_BATCH = 64

Picture = tuple[bytes, str | None]


class CutoutSource:
    """The objects of a catalogue, each with the image that a survey has of its position.

    Answers are kept in a folder, so that a run that was killed asks for nothing twice. A position
    that the survey did not observe is set aside, and not asked for again.

    Parameters
    ----------
    path
        A catalogue with ids and positions: CSV, FITS, VOTable, Parquet …
    service, url, layer, bands, size, pixscale, file_format
        See :class:`CutoutSettings`.
    cache
        The folder for answers; ``~/.cache/skylore/cutouts`` if None.
    concurrency, per_second
        See :class:`Manners`.
    id_column, ra_column, dec_column
        Columns of the catalogue; guessed if None.
    rendering
        How flux is drawn; by default as :class:`skylore.sources.fits.FitsCutoutSource` does.

    Raises
    ------
    SourceError
        If a setting is out of range, or the service needs an account and none is set.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        service: ServiceName = "legacy",
        url: str | None = None,
        layer: str | None = None,
        bands: str | None = None,
        size: int = 160,
        pixscale: float | None = None,
        file_format: FileFormat = "fits",
        cache: str | os.PathLike[str] | None = None,
        concurrency: int = 4,
        per_second: float = 5.0,
        id_column: str | None = None,
        ra_column: str | None = None,
        dec_column: str | None = None,
        rendering: Rendering | None = None,
    ) -> None:
        self._path = Path(path)
        try:
            self._asked = CutoutSettings(
                service=service,
                url=url,
                layer=layer,
                bands=bands,
                size=size,
                pixscale=pixscale,
                file_format=file_format,
            )
            self._manners = Manners(concurrency=concurrency, per_second=per_second)
        except ValidationError as error:
            raise _refused(error) from None
        self._cache = Path(cache) if cache is not None else default_cache()
        self._columns = (id_column, ra_column, dec_column)
        self._rendering = rendering
        self._service = make_service(self._asked)
        self._headers = self._service.headers
        self._absent = self._fetched = self._kept = 0

    @cached_property
    def _catalogue(self) -> Catalogue:
        id_column, ra_column, dec_column = self._columns
        found = load_catalogue(self._path, id_column, ra_column=ra_column, dec_column=dec_column)
        if "ra" not in found.table.column_names:
            why = why_no_position(found.table.schema)
            raise SourceError(f"{printable(self._path)} has no positions: {why}.")
        return found

    @property
    def name(self) -> str:
        """The list as it was given, and the service."""
        return f"{printable(self._path)} ({self._asked.service} cutouts)"

    @property
    def settings(self) -> Mapping[str, object]:
        """The kind of source, what was asked for, and how flux is drawn."""
        drawn = None if self._rendering is None else self._rendering.model_dump(mode="json")
        asked = self._asked.model_dump(mode="json", exclude={"url"})
        return {"kind": "cutouts", **asked, "place": self._service.place, "rendering": drawn}

    @property
    def remarks(self) -> list[str]:
        """What to tell the user."""
        found = self._catalogue
        remarks = about_columns(found.renamed, found.left_out, found.positions_refused)
        if self._fetched or self._kept:
            remarks.append(f"{self._fetched} files fetched, {self._kept} were in {self._cache}")
        return remarks + counted(self._absent, f"{self._service.place} has no image of a position")

    @property
    def rows_a_batch(self) -> int:
        """Few, since each takes a while and progress should be seen."""
        return _ROWS_A_BATCH

    def ids(self) -> pa.Array:
        """All ids, in the order of the list.

        Raises
        ------
        SourceError, DuplicateIdError
            As :func:`skylore.sources.tables.load_catalogue`.
        """
        return self._catalogue.table["id"].combine_chunks()

    def batches(self, wanted: NDArray[np.bool_], rows: int) -> Iterator[SourceBatch]:
        """Fetch the wanted images; the next batch is under way while one is handed out.

        Raises
        ------
        SourceError
            If the service refuses to answer, or does not answer any more.
        """
        table = self._catalogue.table
        fetcher = Fetcher(
            CutoutCache(self._cache),
            self._manners,
            place=self._service.place,
            headers=self._headers,
            refusal=self._service.refusal,
        )
        pool = ThreadPoolExecutor(self._manners.concurrency)
        try:
            ahead: tuple[pa.Table, list[Future[Picture]]] | None = None
            for chosen in chunk_wanted(wanted, table.num_rows, rows):
                part = table.take(pa.array(chosen))
                begun = [pool.submit(self._picture, fetcher, *p) for p in _positions(part)]
                if ahead is not None:
                    yield self._batch(fetcher, *ahead)
                ahead = (part, begun)
            if ahead is not None:
                yield self._batch(fetcher, *ahead)
        finally:
            fetcher.stop()
            pool.shutdown(cancel_futures=True)
            fetcher.close()

    def _picture(self, fetcher: Fetcher, ra: float | None, dec: float | None) -> Picture:
        if ra is None or dec is None:
            raise ImageError("The object has no position, so no image of it can be asked for.")
        image = self._service.image(ra, dec, fetcher.get)
        if isinstance(image, bytes):
            return image, None
        return picture_of(image.flux, image.bands, self._rendering)

    def _batch(self, fetcher: Fetcher, part: pa.Table, begun: list[Future[Picture]]) -> SourceBatch:
        pictures: list[Picture | None] = []
        failures: list[Failure] = []
        for row, future in enumerate(begun):
            try:
                pictures.append(future.result())
            except ImageError as error:
                pictures.append(None)
                self._absent += isinstance(error, AbsentError)
                failures.append(Failure(part["id"][row].as_py(), error))
        self._fetched, self._kept = fetcher.fetched, fetcher.kept
        there = [picture for picture in pictures if picture is not None]
        kept = part.filter(pa.array([picture is not None for picture in pictures], pa.bool_()))
        kept = kept.append_column("image", pa.array([data for data, _ in there], pa.binary()))
        kept = kept.append_column(
            "image_rendering", pa.array([how for _, how in there], pa.string())
        )
        return SourceBatch(kept, tuple(failures))


def _positions(part: pa.Table) -> Iterator[tuple[float | None, float | None]]:
    return zip(part["ra"].to_pylist(), part["dec"].to_pylist(), strict=True)


def _refused(error: ValidationError) -> SourceError:
    first = error.errors(include_url=False, include_input=False)[0]
    option = str(first["loc"][0]).replace("_", "-")
    return SourceError(f"The option {option} of a cutout service is refused: {told(first)}.")
