"""Where the symbols of a set of classes come from: a ready-made set, words, a tree, drawings."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from skylore.encoders.base import Pixels
from skylore.errors import ImageError, ModelError
from skylore.explaining import explain
from skylore.imaging.decode import decode
from skylore.morphology.tree import load_tree
from skylore.symbols.drawing import draw
from skylore.symbols.symbol import Family
from skylore.symbols.words import family_of_answer, family_of_words

__all__ = ["FAMILIES_BY_WORDS", "DrawnSymbols", "GivenSymbols", "Symbols", "load_symbols"]

FAMILIES_BY_WORDS = "words"
_SHIPPED = files("skylore.symbols").joinpath("sets")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


class Symbols(Protocol):
    """Drawings of some classes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes for which there are drawings."""

    def sample(self, name: str, rng: np.random.Generator, size: int) -> Pixels:
        """Give one of the drawings of a class, turned at random, ``(size, size, 3)``."""


class DrawnSymbols(BaseModel):
    """Symbols drawn from figures, one family a class.

    Attributes
    ----------
    name : str
    families : dict of Family
        In JSON under ``classes``, each as its figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    families: dict[str, Family] = Field(min_length=1)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of the file."""
        return tuple(self.families)

    def sample(self, name: str, rng: np.random.Generator, size: int) -> Pixels:
        """Draw a member of the class's family, ``(size, size, 3)``."""
        return draw(self.families[name].sample(rng), size)


@dataclass(frozen=True)
class GivenSymbols:
    """Symbols that the user drew, white on black or black on white.

    Attributes
    ----------
    drawings : dict of list of array
        The images of each class.
    """

    drawings: dict[str, list[Pixels]]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, by name."""
        return tuple(self.drawings)

    def sample(self, name: str, rng: np.random.Generator, size: int) -> Pixels:
        """Take one of the class's drawings, turned at random, ``(size, size, 3)``."""
        drawings = self.drawings[name]
        chosen = Image.fromarray(drawings[rng.integers(len(drawings))])
        chosen.thumbnail((size, size), Image.Resampling.LANCZOS)
        frame = Image.new("RGB", (size, size))
        frame.paste(chosen, ((size - chosen.width) // 2, (size - chosen.height) // 2))
        return np.asarray(frame.rotate(rng.uniform(0, 360), Image.Resampling.BILINEAR))


def load_symbols(source: str | Path, classes: Sequence[str] | None = None) -> Symbols:
    """Find symbols for classes.

    Parameters
    ----------
    source : str or path
        ``galaxy10-decals`` or ``galaxymnist``; ``words``, which reads the names of the classes;
        ``tree:NAME-OR-FILE``, whose classes are the answers ``question_answer``; a JSON file; or
        a folder with an image ``CLASS.png``, or a folder ``CLASS`` of images, for each class.
    classes : sequence of str, optional
        Those that are needed. Without them, all that the source has.

    Raises
    ------
    ModelError
        There is no such source, it cannot be read, or it lacks a class that is needed.
    """
    found = _find(str(source), classes)
    missing = sorted(set(classes or ()) - set(found.classes))
    if missing:
        raise ModelError(
            f"the symbols of {source} lack {', '.join(missing)}; they have "
            f"{', '.join(found.classes)}"
        )
    return found


def _find(source: str, classes: Sequence[str] | None) -> Symbols:
    if source == FAMILIES_BY_WORDS:
        if classes is None:
            raise ModelError(
                "say which classes to draw, with --classes: the names of classes are what is read"
            )
        return DrawnSymbols(name=source, families=_by_words(classes))
    if source.startswith("tree:"):
        return _of_tree(source.removeprefix("tree:"))
    shipped = {path.name.removesuffix(".json"): path for path in _SHIPPED.iterdir()}
    if source in shipped:
        return _parse(shipped[source].read_text("utf-8"))
    path = Path(source)
    if path.is_dir():
        return _given(path)
    if not path.is_file():
        near = difflib.get_close_matches(source, shipped, n=1)
        meant = f"did you mean {near[0]}? Give" if near else "give"
        raise ModelError(
            f"there are no symbols {source!r}: {meant} one of {', '.join(sorted(shipped))}, "
            "words, tree:NAME, a JSON file, or a folder of drawings"
        )
    try:
        return _parse(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} does not hold symbols: {explain(error)}") from error


def _by_words(classes: Sequence[str]) -> dict[str, Family]:
    """Read the names of classes; what cannot be drawn is told all at once."""
    families, unknown = {}, []
    for name in classes:
        try:
            families[name] = family_of_words(name)
        except ModelError as error:
            unknown.append((name, error))
    if len(unknown) > 1:
        named = ", ".join(repr(name) for name, _ in unknown)
        raise ModelError(
            f"no symbols are known for {named}: give a folder of drawings, or a JSON file of "
            "figures, for all classes"
        )
    if unknown:
        raise unknown[0][1]
    return families


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    classes: dict[str, dict[str, float | tuple[float, float]]]


def _parse(text: str) -> DrawnSymbols:
    read = _File.model_validate_json(text)
    families = {name: Family(figures=figures) for name, figures in read.classes.items()}
    return DrawnSymbols(name=read.name, families=families)


def _of_tree(name: str) -> DrawnSymbols:
    tree = load_tree(name)
    families = {}
    for question in tree.questions:
        for answer, column in zip(question.answers, question.columns, strict=True):
            families[column] = family_of_answer(tree, question.name, answer)
    return DrawnSymbols(name=tree.name, families=families)


def _given(folder: Path) -> GivenSymbols:
    drawings: dict[str, list[Pixels]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _PICTURES and len(path.relative_to(folder).parts) <= 2:
            name = path.stem if path.parent == folder else path.parent.name
            drawings.setdefault(name, []).append(_read(path))
    if not drawings:
        raise ModelError(f"{folder} has no drawings: put CLASS.png or CLASS/*.png there")
    return GivenSymbols(drawings)


def _read(path: Path) -> Pixels:
    try:
        pixels = decode(path.read_bytes())
    except (OSError, ImageError) as error:
        raise ModelError(f"the drawing {path} cannot be read: {error}") from error
    # A drawing on white paper, which the sky is not.
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return 255 - pixels if border.mean() > 127 else pixels
