"""Texts about an object of which some facts are known, from labels or from a simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skylore.captions.grammar import (
    ADJECTIVES,
    FEATURES,
    FRAMES,
    IMPLIED_KINDS,
    NAMES,
    PLURAL_FRAMES,
    REMARKS,
)
from skylore.errors import SourceError

__all__ = ["FACTS", "phrases"]

FACTS: tuple[str, ...] = (
    "kind",
    "edge_on",
    *dict.fromkeys((*ADJECTIVES, *FEATURES)),
)
"""The facts that :func:`phrases` can speak of."""

_FEWEST, _MOST = 6, 10
_UNSAID_OF = {"artefact": set(ADJECTIVES), "star": set(ADJECTIVES) - {"colour"}}
"""Adjectives that would be wrong before what is no galaxy."""

_SAID_ONCE = {
    "ring", "bar", "arms", "arm", "arc", "spiral", "source", "clumps", "clumpy", "bulge", "disk",
    "images", "lensed", "lensing",
}  # fmt: skip
"""Nouns that a name and its features do not both use."""

_COUNTED_ARMS = 5


def phrases(facts: Mapping[str, object], rng: np.random.Generator) -> list[str]:
    """Say in 6 to 10 different texts what is known of an object.

    Only what is present is spoken of: a fact that is missing, ``None`` or ``False`` is passed over,
    never denied. Some texts tell one fact, some several; the first is a plain name.

    Parameters
    ----------
    facts
        ``kind`` (:data:`~skylore.captions.grammar.NAMES`); ``edge_on``, ``bar``, ``ring``,
        ``merger``, ``lens`` and ``odd``, each ``True`` or a value of the grammar such as
        ``"strong"`` or ``"outer"``; ``arm_count``, a number or ``"many"``; and the other
        names of :data:`FACTS`, with the values that
        :data:`~skylore.captions.grammar.ADJECTIVES` and
        :data:`~skylore.captions.grammar.FEATURES` list.
    rng
        Chooses the words; equal states give equal texts.

    Raises
    ------
    SourceError
        A fact or its value is not in the grammar.
    """
    known = _checked(facts)
    kind = known.pop("kind", None) or _implied(known)
    adjectives, features, remarks = _words(kind, known, rng)
    names = [str(name) for name in rng.permutation(NAMES[kind])]
    texts = [names[0], *_short(names, adjectives, features, rng)]
    texts += _sentences(names, adjectives, features, remarks, rng)
    different = list(dict.fromkeys(texts))
    for name in [*names, *(_sentence(name, rng) for name in names)]:
        if len(different) < _FEWEST and name not in different:
            different.append(name)
    return different[:_MOST]


def _checked(facts: Mapping[str, object]) -> dict[str, str]:
    """Return facts that are present, each with a value that the grammar has words for."""
    if unknown := sorted(set(facts) - set(FACTS)):
        raise SourceError(
            f"there are no words for {', '.join(unknown)}; the facts are {', '.join(FACTS)}"
        )
    known = {}
    for fact, value in facts.items():
        if value is None or value is False or (fact == "arm_count" and value == 0):
            continue
        known[fact] = _value(fact, value)
    return known


def _value(fact: str, value: object) -> str:
    text = "yes" if value is True else str(value)
    if fact == "arm_count" and text.isdigit() and int(text) > _COUNTED_ARMS:
        text = "many"
    options = _options(fact)
    if text not in options:
        raise SourceError(f"{fact} cannot be {value!r}; choose from {', '.join(options)}")
    return text


def _options(fact: str) -> tuple[str, ...]:
    if fact == "kind":
        return tuple(NAMES)
    if fact == "edge_on":
        return ("yes",)
    return (*ADJECTIVES.get(fact, {}), *FEATURES.get(fact, {}))


def _implied(known: Mapping[str, str]) -> str:
    return next((kind for fact, kind in IMPLIED_KINDS.items() if fact in known), "galaxy")


def _words(
    kind: str, known: Mapping[str, str], rng: np.random.Generator
) -> tuple[list[str], list[str], list[str]]:
    """Choose a wording for every fact, in a random order: adjectives, features, sentences."""
    barred_from = _UNSAID_OF.get(kind, set())
    adjectives, features, remarks = [], [], []
    for fact in (str(name) for name in rng.permutation(sorted(known))):
        value = known[fact]
        if fact in ADJECTIVES and fact not in barred_from:
            adjectives.append(_pick(ADJECTIVES[fact][value], rng))
        if fact in FEATURES:
            features.append(_pick(FEATURES[fact][value], rng))
        if not barred_from and (fact, value) in REMARKS:
            remarks.append(_pick(REMARKS[fact, value], rng))
    if known.get("edge_on") and kind != "edge-on":
        adjectives.append(_pick(("edge-on", "side-on"), rng))
    return adjectives, features, remarks


def _short(
    names: Sequence[str], adjectives: Sequence[str], features: Sequence[str],
    rng: np.random.Generator,
) -> list[str]:  # fmt: skip
    """Return phrases as one would type into a search box."""
    bare = [_without_article(feature) for feature in features]
    texts = [names[1], *bare[:2]]
    if adjectives:
        texts.append(f"{adjectives[0]} {_pick(names, rng)}")
    if features:
        texts.append(_describe(_pick(names, rng), (), features[-1:]))
    return texts


def _sentences(
    names: Sequence[str], adjectives: Sequence[str], features: Sequence[str],
    remarks: Sequence[str], rng: np.random.Generator,
) -> list[str]:  # fmt: skip
    """Return whole descriptions: one of everything, and others of a part."""
    fullest = _describe(_pick(names, rng), adjectives[:2], features[:3])
    texts = [_sentence(fullest, rng)]
    if remarks:
        opening = _sentence(_describe(_pick(names, rng), adjectives[-1:], ()), rng)
        texts.append(" ".join([opening, *remarks[:2]]))
        texts.append(remarks[-1])
    if len(features) > 1 or adjectives:
        other = _describe(_pick(names, rng), adjectives[1:2], features[::-1][:2])
        texts.append(_sentence(other, rng))
    return texts


def _describe(name: str, adjectives: Sequence[str], features: Sequence[str]) -> str:
    """Join the words as one noun phrase, unless the name has said them already."""
    said = set(name.replace(",", "").split())
    fresh = [word for word in dict.fromkeys(adjectives) if not said & set(word.split())]
    subject = " ".join([", ".join(fresh), name]) if fresh else name
    spoken = said & _SAID_ONCE
    *first, last = [text for text in features if not spoken & set(text.split())] or [""]
    told = f"{', '.join(first)} and {last}" if first else last
    if not told:
        return subject
    return f"{subject}, with {told}" if " with " in subject else f"{subject} with {told}"


def _sentence(subject: str, rng: np.random.Generator) -> str:
    frames = PLURAL_FRAMES if _is_plural(subject) else FRAMES
    text = _pick(frames, rng).format(subject=_with_article(subject))
    return text[0].upper() + text[1:]


def _with_article(subject: str) -> str:
    first = subject.split(maxsplit=1)[0].strip(",")
    if _is_plural(subject):
        return subject
    vowel = first[0].lower() in "aeiou" or first in {"S0", "SB", "SB-type", "S-type", "E-type"}
    return f"{'an' if vowel else 'a'} {subject}"


def _is_plural(subject: str) -> bool:
    """Whether the head noun, which stands before any "with" or "of", is a plural."""
    return "galaxies" in subject.split(" with ", maxsplit=1)[0].split(" of ", maxsplit=1)[0].split()


def _without_article(feature: str) -> str:
    for article in ("a ", "an "):
        if feature.startswith(article):
            return feature.removeprefix(article)
    return feature


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
