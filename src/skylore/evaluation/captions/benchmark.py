"""The caption benchmark: how much of what volunteers saw can be read in captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skylore.errors import ModelError, SourceError
from skylore.evaluation.bootstrap import bootstrap_mean, bootstrap_ratio, paired_difference
from skylore.evaluation.captions.judge import CaptionJudge, Unjudged, judged
from skylore.evaluation.captions.paths import (
    PathScore,
    VolunteerPath,
    constant_answers,
    score_path,
    without,
)
from skylore.evaluation.captions.report import (
    CaptionReport,
    FailedCaption,
    Floor,
    Share,
    WriterScores,
)
from skylore.evaluation.captions.tables import GivenCaption
from skylore.morphology.tree import DecisionTree

__all__ = ["blind_floors", "evaluate_captions"]

Floats = NDArray[np.float64]


def evaluate_captions(
    paths: Sequence[VolunteerPath],
    captions: Sequence[GivenCaption],
    judge: CaptionJudge,
    tree: DecisionTree,
    *,
    seed: int = 0,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> CaptionReport:
    """Score captions by writer, beside constant answers that see neither image nor caption.

    Two scores: **per galaxy**, the mean over galaxies of the share of the volunteers' answers that
    the judge found in the caption (Koblischke et al. 2025), and **per answer**, that share over the
    answers of all galaxies together. Several captions of one galaxy by one writer are averaged
    first. Intervals are over galaxies.

    Parameters
    ----------
    paths
        What volunteers said, one an object.
    captions
        Those of other objects are left out, and counted. Those that the judge cannot judge are
        listed with the reason, and count in no score.
    judge, tree
        Who reads, and which questions.
    seed, resamples, confidence
        Of the bootstrap.

    Raises
    ------
    SourceError
        No caption is of one of the objects.
    ModelError
        The judge fails, could judge no caption, or its answers are none.
    """
    known = {path.id: i for i, path in enumerate(paths)}
    ours = [caption for caption in captions if caption.id in known]
    if not ours:
        raise SourceError("none of the captions is of an object with a decision tree; compare ids")
    ours, scores, failed = _scored(paths, ours, judge, tree)
    how: dict[str, Any] = {"seed": seed, "resamples": resamples, "confidence": confidence}
    floor = np.array([s.share for s in _constant(paths, tree)])
    writers = []
    for writer in sorted({caption.writer for caption in ours}):
        mine = [i for i, caption in enumerate(ours) if caption.writer == writer]
        places = np.array([known[ours[i].id] for i in mine])
        published = [ours[i].published for i in mine]
        own = [scores[i] for i in mine]
        writers.append(_writer(writer, places, own, published=published, floor=floor, how=how))
    return CaptionReport(
        tree=tree.name,
        judge=judge.name,
        galaxies=len(paths),
        answers=sum(len(path.answers) for path in paths),
        writers=tuple(writers),
        floors=blind_floors(paths, tree, **how),
        left_out=sum(caption.id not in known for caption in captions),
        failed=failed,
        confidence=confidence,
    )


def _scored(
    paths: Sequence[VolunteerPath],
    captions: Sequence[GivenCaption],
    judge: CaptionJudge,
    tree: DecisionTree,
) -> tuple[list[GivenCaption], list[PathScore], tuple[FailedCaption, ...]]:
    """Give the captions that could be judged with their scores, and those that could not be."""
    by_id = {path.id: path for path in paths}
    found = judged(judge, tree, [caption.text for caption in captions])
    good: list[GivenCaption] = []
    scores: list[PathScore] = []
    failed: list[FailedCaption] = []
    for caption, answers in zip(captions, found, strict=True):
        if isinstance(answers, Unjudged):
            lost = FailedCaption(id=caption.id, writer=caption.writer, reason=answers.reason)
            failed.append(lost)
            continue
        good.append(caption)
        scores.append(score_path(tree, by_id[caption.id], answers))
    if not good:
        raise ModelError(
            f"{judge.name} could judge none of {len(captions)} captions; the first: "
            f"{failed[0].reason}"
        )
    return good, scores, tuple(failed)


def blind_floors(
    paths: Sequence[VolunteerPath],
    tree: DecisionTree,
    *,
    seed: int = 0,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> tuple[Floor, ...]:
    """Score what can be said without looking.

    ``constant`` is the most frequent answer to each question, chosen on the same galaxies;
    ``constant, left out`` is chosen on all other galaxies; ``constant, root known`` is told the
    answer to the first question of the tree, and knows nothing else.
    """
    how: dict[str, Any] = {"seed": seed, "resamples": resamples, "confidence": confidence}
    others = [
        score_path(tree, path, constant_answers(without(paths, i))) for i, path in enumerate(paths)
    ]
    root, constant = tree.root_first[0].name, constant_answers(paths)
    told = [score_path(tree, path, {**constant, root: path.answers.get(root)}) for path in paths]
    found = {
        "constant": _constant(paths, tree),
        "constant, left out": others,
        "constant, root known": told,
    }
    return tuple(
        Floor(name=name, per_galaxy=_galaxies(scores, how), per_answer=_answers(scores, how))
        for name, scores in found.items()
    )


def _constant(paths: Sequence[VolunteerPath], tree: DecisionTree) -> list[PathScore]:
    constant = constant_answers(paths)
    return [score_path(tree, path, constant) for path in paths]


def _galaxies(scores: Sequence[PathScore], how: dict[str, Any]) -> Share:
    return Share.of(bootstrap_mean([score.share for score in scores], **how))


def _answers(scores: Sequence[PathScore], how: dict[str, Any]) -> Share:
    found = bootstrap_ratio([s.matches for s in scores], [s.total for s in scores], **how)
    return Share.of(found)


def _writer(
    writer: str,
    places: NDArray[np.int64],
    scores: Sequence[PathScore],
    *,
    published: Sequence[float | None],
    floor: Floats,
    how: dict[str, Any],
) -> WriterScores:
    share = _by_galaxy(places, [score.share for score in scores])
    matches = _by_galaxy(places, [score.matches for score in scores])
    totals = _by_galaxy(places, [score.total for score in scores])
    left_open = _by_galaxy(places, [score.open for score in scores])
    against = paired_difference(share, floor[np.unique(places)], **how)
    return WriterScores(
        writer=writer,
        captions=len(scores),
        galaxies=len(share),
        per_galaxy=Share.of(bootstrap_mean(share, **how)),
        per_answer=Share.of(bootstrap_ratio(matches, totals, **how)),
        not_mentioned=float(left_open.sum() / totals.sum()),
        above_floor=Share.of(against),
        published=_published(places, published, how),
        published_per_answer=_published_per_answer(places, published, totals, how),
        agreement=_agreement([score.share for score in scores], published),
    )


def _by_galaxy(places: NDArray[np.int64], values: Sequence[float]) -> Floats:
    """Average what is of the same galaxy; galaxies in ascending order of their place."""
    _, inverse = np.unique(places, return_inverse=True)
    sums = np.bincount(inverse, np.asarray(values, np.float64))
    averaged: Floats = sums / np.bincount(inverse)
    return averaged


def _published(
    places: NDArray[np.int64], published: Sequence[float | None], how: dict[str, Any]
) -> Share | None:
    known = [value for value in published if value is not None]
    if len(known) < len(published):
        return None
    return Share.of(bootstrap_mean(_by_galaxy(places, known), **how))


def _published_per_answer(
    places: NDArray[np.int64],
    published: Sequence[float | None],
    totals: Floats,
    how: dict[str, Any],
) -> Share | None:
    """Weigh published scores, which are shares, by the answers that they are shares of."""
    known = [value for value in published if value is not None]
    if len(known) < len(published):
        return None
    return Share.of(bootstrap_ratio(_by_galaxy(places, known) * totals, totals, **how))


def _agreement(ours: Sequence[float], published: Sequence[float | None]) -> float | None:
    """Give the mean absolute difference of scores, caption by caption."""
    pairs = [(a, b) for a, b in zip(ours, published, strict=True) if b is not None]
    if len(pairs) < len(ours):
        return None
    return float(np.mean([abs(a - b) for a, b in pairs]))
