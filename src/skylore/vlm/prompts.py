"""Prompts: Markdown files with a version, of ours or of the user's.

A file begins with settings in TOML between two lines ``+++``, and goes on with the sections
``# System`` (may be left out) and ``# User``.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from skylore.errors import ModelError
from skylore.explaining import explain
from skylore.morphology.tree import DecisionTree, load_tree

__all__ = ["Prompt", "load_prompt", "shipped_prompts"]

_SHIPPED = files("skylore.vlm").joinpath("prompts")
_FRONT_MATTER = re.compile(r"\A\+\+\+[ \t]*\n(.*?)\n\+\+\+[ \t]*\n(.*)\Z", re.DOTALL)
_SECTION = re.compile(r"^# (System|User)[ \t]*$", re.MULTILINE)


class Prompt(BaseModel):
    """What a model is asked about each image.

    Attributes
    ----------
    name, version
        Recorded with what comes of it. Raise the version when the words change.
    kind
        ``text`` asks for a description of the image; ``summary`` for one sentence about a
        description, put in place of ``{{caption}}``; ``tree`` for the answers to the questions of a
        decision tree, each put in place of ``{{question}}`` and ``{{answers}}``.
    system, user
        The words. ``system`` may be empty.
    most_words
        What is kept of a text: its first whole sentences with so many words.
    max_tokens
        The most that an answer may take; with it the budget is reckoned.
    temperature
        None leaves it to the server.
    tree, questions
        The decision tree, and the wording of its questions where their names do not say enough.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, pattern=r"^[\w.-]+$")]
    version: Annotated[str, Field(min_length=1)]
    kind: Literal["text", "summary", "tree"] = "text"
    system: str = ""
    user: Annotated[str, Field(min_length=1)]
    most_words: int = Field(120, ge=5)
    max_tokens: int = Field(400, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    tree: DecisionTree | None = None
    questions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        needed = {"summary": ("{{caption}}",), "tree": ("{{question}}", "{{answers}}")}
        for place in needed.get(self.kind, ()):
            if place not in self.user:
                raise ValueError(f"a prompt of kind {self.kind!r} needs {place} in its user part")
        if (self.kind == "tree") != (self.tree is not None):
            raise ValueError("a tree is given for prompts of kind 'tree', and for no others")
        names = {q.name for q in self.tree.questions} if self.tree else set()
        if unknown := sorted(set(self.questions) - names):
            raise ValueError(f"the tree has no such questions: {unknown}")
        return self

    @property
    def digest(self) -> str:
        """A digest of all that changes the answers."""
        settings = self.model_dump_json(exclude={"name", "version", "most_words"})
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        """Give name, version and digest."""
        return f"{self.name} {self.version} ({self.digest})"


def shipped_prompts() -> tuple[str, ...]:
    """Name the prompts that need no file."""
    names = (entry.name for entry in _SHIPPED.iterdir())
    return tuple(sorted(name.removesuffix(".md") for name in names if name.endswith(".md")))


def load_prompt(name_or_path: str | Path) -> Prompt:
    """Read a prompt by its name, or from a file.

    Raises
    ------
    ModelError
        There is neither such a name nor such a file, or the file does not hold a prompt.
    """
    if name_or_path in shipped_prompts():
        return _parse(_SHIPPED.joinpath(f"{name_or_path}.md").read_text(encoding="utf-8"), "")
    path = Path(name_or_path)
    if not path.is_file():
        raise ModelError(
            f"there is no prompt {str(name_or_path)!r}: give one of "
            f"{', '.join(shipped_prompts())}, or the path of a Markdown file"
        )
    try:
        return _parse(path.read_text(encoding="utf-8"), str(path.parent))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} does not hold a prompt: {explain(error)}") from error


def _parse(text: str, folder: str) -> Prompt:
    match = _FRONT_MATTER.match(text.replace("\r\n", "\n"))
    if match is None:
        raise ValueError("it does not begin with settings between two lines of +++")
    settings = tomllib.loads(match[1])
    parts = _SECTION.split(match[2])
    if parts[0].strip() or len(parts) < 3 or len(set(parts[1::2])) < len(parts[1::2]):
        raise ValueError("its text is not made of the sections '# System' and '# User', once each")
    sections = {
        name.lower(): body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }
    if "tree" in settings:
        beside = Path(folder) / settings["tree"]
        settings["tree"] = load_tree(beside if folder and beside.is_file() else settings["tree"])
    return Prompt.model_validate({**settings, **sections})
