"""What drawings of several panels begin and end with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from skylore.archive.schema import ID
from skylore.density.emulator import DensityEmulator
from skylore.density.plots.axes import check_format, legend, save
from skylore.density.predictive import Predictive
from skylore.errors import ModelError
from skylore.scaling.drawing import styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["alone", "check_rows", "draw_panels", "in_words", "title_of"]

_ABOVE = 0.5
_SHORT = 24


def draw_panels(
    count: int, size: tuple[float, float], file: Path, draw: Callable[[int, Axes], None]
) -> Path:
    """Draw so many panels of a size in inches, with one legend above them, into a file.

    Raises
    ------
    ModelError
        The file's suffix is none that is drawn, or it cannot be written.
    DependencyMissingError
        Matplotlib is not installed.
    """
    check_format(file)
    rows, abreast = _shape_of_grid(count)
    with styled_figure(size[0] * abreast, size[1] * rows + _ABOVE) as figure:
        for number, axes in enumerate(figure.subplots(rows, abreast, squeeze=False).flat):
            if number < count:
                draw(number, axes)
            else:
                axes.remove()
        legend(figure)
        return save(figure, file)


def alone(emulator: DensityEmulator, table: pa.Table, name: str) -> Predictive:
    """Give the one density of a number, given nothing."""
    coded, seen = emulator.code(table.slice(0, 1), [], [], name)
    return next(emulator.predict(coded, seen, emulator.place(name)))[1]


def check_rows(table: pa.Table, rows: Sequence[int]) -> None:
    """Raise ModelError for the first row that the table does not have."""
    for row in rows:
        if not 0 <= row < table.num_rows:
            raise ModelError(f"there is no row {row}: the table has rows 0 to {table.num_rows - 1}")


def title_of(table: pa.Table, row: int) -> str:
    """Name a row, by its id too where the table has ids."""
    return f"row {row}" + (f": {table[ID][row]}" if ID in table.column_names else "")


def in_words(given: Sequence[str] | None) -> str:
    """Say what is seen, in few words."""
    if given is None:
        return "given all others"
    named = ", ".join(given) or "nothing"
    return f"given {named}" if len(named) <= _SHORT else f"given {len(given)} others"


def _shape_of_grid(panels: int) -> tuple[int, int]:
    """Give rows and columns for so many panels, four abreast at most."""
    abreast = panels if panels <= 4 else 3 if panels in {5, 6, 9} else 4
    return -(-panels // abreast), abreast
