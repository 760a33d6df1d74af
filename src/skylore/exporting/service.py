"""Exporting an archive into a folder."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tqdm import tqdm

from skylore.errors import ArchiveError, ArchiveExistsError
from skylore.exporting.hats import write_hats
from skylore.exporting.parquet import write_parquet

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["ExportReport", "export"]

ROWS_A_FILE = 1_000_000

Format = Literal["hats", "parquet"]


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes
    ----------
    folder, files, rows
        Where, into how many files of rows, and how many rows.
    left_out
        Rows that have no position, and so no place in a HATS catalogue.
    columns_left_out
        Columns that hold images, unless asked for by name.
    """

    folder: Path
    files: int
    rows: int
    left_out: int
    columns_left_out: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in a line, and a line a remark."""
        lines = [f"export: {self.rows} objects in {self.files} files in {self.folder}"]
        if self.left_out:
            lines.append(f"note: {self.left_out} objects have no position, and are not in it")
        if self.columns_left_out:
            names = ", ".join(self.columns_left_out)
            lines.append(f"note: without {names}; name it with --columns to have it")
        return "\n".join(lines)


def export(
    archive: Archive,
    folder: str | Path,
    *,
    form: Format = "hats",
    columns: Sequence[str] | None = None,
    rows_a_file: int = ROWS_A_FILE,
    progress: bool = False,
) -> ExportReport:
    """Write an archive's rows into a folder, whole or not at all.

    Parameters
    ----------
    archive
        The archive, at the version that it has.
    folder
        Missing or empty.
    form
        ``hats``: a catalogue partitioned over the sky, as LSDB reads it, which takes 32 bytes of
        memory a row; ``parquet``: plain files.
    columns
        Their names; all but the images if None.
    rows_a_file
        At most.
    progress
        Whether to draw a bar.

    Raises
    ------
    ArchiveExistsError
        The folder holds something.
    ColumnError
        A column does not exist, or no object has a position.
    ArchiveError
        The folder cannot be written, or the archive is empty.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ArchiveExistsError(f"{target} is not empty; choose another folder")
    if not len(archive):
        raise ArchiveError(f"{archive} has no objects to export")
    archive.require(columns or [])
    chosen = list(dict.fromkeys(columns or (n for n in archive.schema.names if n != "image")))
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        partial.mkdir(parents=True)
        with tqdm(
            desc="export", unit="row", total=len(archive), disable=not progress, file=sys.stderr
        ) as bar:
            if form == "hats":
                files, rows = write_hats(
                    archive,
                    partial,
                    chosen,
                    most=rows_a_file,
                    progress=bar.update,
                    name=target.name,
                )
            else:
                files = write_parquet(archive, partial, chosen, rows_a_file, bar.update)
                rows = len(archive)
        partial.replace(target)
    except OSError as error:
        if "No space left" in str(error):
            raise
        raise ArchiveError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    without = ("image",) if columns is None else ()
    return ExportReport(target, files, rows, len(archive) - rows, without)
