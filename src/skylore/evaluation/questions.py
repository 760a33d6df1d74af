"""What is asked of an archive, in how many wordings, and who is a right answer."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from skylore.errors import QueryError
from skylore.explaining import explain
from skylore.search.query import TextTerm

__all__ = ["Question", "load_questions", "shipped_questions"]

_SHIPPED = files("skylore.evaluation").joinpath("question_sets")

Name = Annotated[str, Field(min_length=1, max_length=200)]
SQL = Annotated[str, Field(min_length=1, max_length=10_000)]


class Question(BaseModel):
    """One question with its wordings and its right answers.

    Attributes
    ----------
    name : str
    texts : tuple of str
        Paraphrases: figures are means over them, and their spread says how much wording matters.
    relevance : str
        How right an object is, from 0: a column, or an expression over columns. Truth values
        (``is_lens``, ``gz1 = 'spiral'``) count 0 and 1; numbers, such as the fraction of
        volunteers who voted so, are graded.
    threshold : float
        From this grade on an object counts as relevant in recall, hits and average precision,
        which know only right and wrong.
    where : str, optional
        Among which objects, as an SQL predicate. Every one of them must have a relevance.
    example_threshold : float, optional
        From this grade on an object may be the query of image similarity; ``threshold`` if not
        given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Name
    texts: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]
    relevance: SQL
    threshold: Annotated[float, Field(gt=0)] = 0.5
    where: SQL | None = None
    example_threshold: Annotated[float, Field(gt=0)] | None = None

    @field_validator("texts")
    @classmethod
    def _can_be_asked(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            TextTerm(text=text)
        if len(set(texts)) < len(texts):
            raise ValueError("a wording is there twice")
        return texts

    @model_validator(mode="after")
    def _examples_are_relevant(self) -> Self:
        if self.example_threshold is not None and self.example_threshold < self.threshold:
            raise ValueError("example_threshold is below threshold: examples must be relevant")
        return self

    @classmethod
    def build(cls, texts: str | Sequence[str], relevance: str, **fields: Any) -> Self:  # noqa: ANN401 - checked by pydantic
        """Make a question, named after its relevance unless ``name`` is given.

        Raises
        ------
        QueryError
            Something is missing or out of range; the message says what.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        wordings = (texts,) if isinstance(texts, str) else tuple(texts)
        try:
            return cls(**{"name": relevance, **given}, texts=wordings, relevance=relevance)
        except ValidationError as error:
            raise QueryError(f"the question cannot be asked: {explain(error)}") from error


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    questions: Annotated[tuple[Question, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [question.name for question in self.questions]
        if len(set(names)) < len(names):
            raise ValueError(f"the names of questions must be unique: {', '.join(names)}")
        return self


def shipped_questions() -> tuple[str, ...]:
    """Name the question sets that need no file."""
    names = (entry.name for entry in _SHIPPED.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_questions(name_or_path: str | Path) -> tuple[Question, ...]:
    """Read questions by the name of a shipped set, or from a TOML file.

    The file has a table ``[[questions]]`` for each, with the fields of :class:`Question`.

    Raises
    ------
    QueryError
        There is neither such a set nor such a file, or it does not hold questions.
    """
    if name_or_path in shipped_questions():
        text = _SHIPPED.joinpath(f"{name_or_path}.toml").read_text(encoding="utf-8")
        return _parsed(text, str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        raise QueryError(
            f"there are no questions {str(name_or_path)!r}: give one of "
            f"{', '.join(shipped_questions())}, or the path of a TOML file"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(f"cannot read questions from {path}: {error}") from error
    return _parsed(text, str(path))


def _parsed(text: str, origin: str) -> tuple[Question, ...]:
    try:
        return _File.model_validate(tomllib.loads(text)).questions
    except tomllib.TOMLDecodeError as error:
        raise QueryError(f"{origin} is not TOML: {error}") from error
    except ValidationError as error:
        raise QueryError(f"{origin} does not hold questions: {explain(error)}") from error
