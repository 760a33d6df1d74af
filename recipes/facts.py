"""What is known of each training image: true, false, or not known, fact by fact."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recipes.teaching import PREFIX
from skylore.morphology.tree import load_tree
from skylore.simulation.captions import facts_of

__all__ = ["Fact", "measured_facts", "simulated_facts", "volunteers_facts"]

Fact = tuple[str, str]
"""A fact and its value, as :func:`skylore.captions.phrasing.phrases` names them."""

Known = NDArray[np.float32]
"""1 true, 0 false, NaN not known: ``(N,)``."""

_MOST, _FEW = 0.6, 0.2
"""Shares of volunteers from which on an answer is taken as given, and as not given."""
_SURE, _SURELY_NOT = 0.7, 0.1
"""Shares that the teacher gives a class."""
_LENS, _NO_LENS = 2.0, 0.75
"""Mean expert grades: from 2 probable or definite."""


def _unknown(table: pd.DataFrame) -> Known:
    return np.full(len(table), np.nan, np.float32)


def _where(table: pd.DataFrame, true: NDArray[np.bool_], false: NDArray[np.bool_]) -> Known:
    known = _unknown(table)
    known[false] = 0
    known[true] = 1
    return known


def volunteers_facts(table: pd.DataFrame) -> dict[Fact, Known]:
    """Read Galaxy Zoo's classes and votes, ring tags, lens grades, and what the teacher says."""
    gz1, five = table["gz1"].fillna(""), table["class5"].fillna("")
    said1, said5 = (gz1 != "").to_numpy(), (five != "").to_numpy()
    smooth5 = five.str.endswith("smooth").to_numpy()
    spiral1, edge1 = (gz1 == "spiral").to_numpy(), (gz1 == "edge-on").to_numpy()
    early1, merger1 = (gz1 == "elliptical").to_numpy(), (gz1 == "merger").to_numpy()
    spiral5, edge5 = (five == "face-on-spiral").to_numpy(), (five == "edge-on").to_numpy()
    odd_spiral = table["odd_spiral"].fillna(False).to_numpy(bool)
    ring = table["ring"].to_numpy()
    grade = table["lens_grade"].to_numpy(float)
    no_disc = early1 | smooth5
    facts = {
        ("kind", "elliptical"): _where(
            table, early1 | smooth5, (said1 & ~early1) | (said5 & ~smooth5) | odd_spiral
        ),
        ("kind", "spiral"): _where(
            table, spiral1 | spiral5 | odd_spiral, (said1 & ~spiral1) | (said5 & ~spiral5)
        ),
        ("kind", "edge-on"): _where(
            table, edge1 | edge5, (said1 & ~edge1) | (said5 & ~edge5 & (five != "cigar-smooth"))
        ),
        ("kind", "merger"): _where(table, merger1, said1 & ~merger1),
        ("kind", "ring"): _where(table, ring == True, (ring == False) | no_disc | edge5),  # noqa: E712 - null is neither
        ("kind", "lens"): _where(table, grade >= _LENS, (grade < _NO_LENS) | said1 | said5),
        ("inclination", "face-on"): _where(table, spiral5, edge1 | edge5),
        ("bar", "yes"): _where(table, np.zeros(len(table), bool), no_disc | edge5),
    }
    for shape in ("round", "in-between", "cigar"):
        own = (five == f"{shape}-smooth").to_numpy()
        facts["roundness", shape] = _where(table, own, smooth5 & ~own)
    return _merged(_merged(facts, _votes(table)), _taught(table))


def _taught(table: pd.DataFrame) -> dict[Fact, Known]:
    """Take what the teacher is sure of, where nobody was asked."""
    shares = {
        ("kind", name): table[f"{PREFIX}gz1_{name}"].to_numpy(float)
        for name in ("spiral", "elliptical", "edge-on", "merger")
    }
    return {
        fact: _where(table, share >= _SURE, share <= _SURELY_NOT) for fact, share in shares.items()
    }


def _votes(table: pd.DataFrame) -> dict[Fact, Known]:
    """Turn the votes of Galaxy Zoo 2 into facts, each among those who were asked."""
    answer = _Answers(table)
    smooth = answer("t01_smooth_or_features", "a01_smooth")
    featured = answer("t01_smooth_or_features", "a02_features_or_disk")
    arms = answer.reached("t04_spiral", "a08_spiral")
    facts = {
        ("kind", "elliptical"): smooth,
        ("kind", "spiral"): _and(featured, arms),
        ("kind", "edge-on"): _and(featured, answer.reached("t02_edgeon", "a04_yes")),
        ("bar", "yes"): _and(featured, answer.reached("t03_bar", "a06_bar")),
        ("odd", "yes"): answer("t06_odd", "a14_yes"),
    }
    for value, name in (
        ("tight", "a28_tight"),
        ("medium", "a29_medium"),
        ("loose", "a30_loose"),
    ):
        facts["winding", value] = _and(arms, answer.among("t10_arms_winding", name))
    for value, name in (("1", "a31_1"), ("2", "a32_2"), ("3", "a33_3"), ("4", "a34_4")):
        facts["arm_count", value] = _and(arms, answer.among("t11_arms_number", name))
    facts["bulge", "obvious"] = answer.among("t05_bulge_prominence", "a12_obvious")
    facts["bulge", "dominant"] = answer.among("t05_bulge_prominence", "a13_dominant")
    for kind, name in (
        ("ring", "a19_ring"),
        ("irregular", "a22_irregular"),
        ("merger", "a24_merger"),
    ):
        facts["kind", kind] = _and(facts["odd", "yes"], answer.among("t08_odd_feature", name))
    facts["dust_lane", "yes"] = _and(
        facts["odd", "yes"], answer.among("t08_odd_feature", "a38_dust_lane")
    )
    for value, name in (
        ("round", "a16_completely_round"),
        ("in-between", "a17_in_between"),
        ("cigar", "a18_cigar_shaped"),
    ):
        facts["roundness", value] = _and(smooth, answer.among("t07_rounded", name))
    return facts


class _Answers:
    """Shares of the volunteers who gave an answer."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.tree = load_tree("gz2")
        self.votes = table[list(self.tree.columns)].to_numpy(float)
        self.places = {name: i for i, name in enumerate(self.tree.columns)}

    def __call__(self, question: str, answer: str) -> Known:
        """Give the fact that most of those who were asked gave an answer."""
        return self._decided(self._share(question, answer))

    def reached(self, question: str, answer: str) -> Known:
        """Do so; where nobody was asked, the fact is false, not unknown."""
        share = self._share(question, answer)
        anyone = np.nansum(self.votes, axis=1) > 0
        return self._decided(np.where(np.isnan(share) & anyone, 0, share))

    def among(self, question: str, answer: str) -> Known:
        """Do so where at least five were asked."""
        share = self._share(question, answer, fewest=5)
        return self._decided(share)

    def _share(self, question: str, answer: str, fewest: int = 1) -> NDArray[np.float64]:
        own = [self.places[c] for q in self.tree.questions if q.name == question for c in q.columns]
        total = self.votes[:, own].sum(axis=1)
        given = self.votes[:, self.places[f"{question}_{answer}"]]
        share = np.full(len(total), np.nan)
        asked = total >= fewest
        share[asked] = given[asked] / total[asked]
        return share

    def _decided(self, share: NDArray[np.float64]) -> Known:
        known = np.full(len(share), np.nan, np.float32)
        known[share <= _FEW] = 0
        known[share >= _MOST] = 1
        return known


def _and(first: Known, second: Known) -> Known:
    """Both true; false where either is false; else not known."""
    return np.where((first == 0) | (second == 0), np.float32(0), first * second)


def _merged(first: Mapping[Fact, Known], second: Mapping[Fact, Known]) -> dict[Fact, Known]:
    merged = dict(first)
    for fact, known in second.items():
        merged[fact] = (
            np.where(np.isnan(merged[fact]), known, merged[fact]) if fact in merged else known
        )
    return merged


def measured_facts(table: pd.DataFrame) -> dict[Fact, Known]:
    """Rank measurements within each survey's set: what stands out, and what surely does not."""
    rules = {
        ("colour", "red"): ("colour", 0.75, 0.5),
        ("colour", "blue"): ("colour", 0.25, 0.5),
        ("size", "large"): ("petrosian_radius", 0.85, 0.5),
        ("size", "small"): ("petrosian_radius", 0.15, 0.5),
        ("compactness", "compact"): ("concentration", 0.85, 0.5),
        ("compactness", "diffuse"): ("concentration", 0.15, 0.5),
    }
    facts = {}
    for fact, (column, limit, opposite) in rules.items():
        rank = table.groupby("set")[column].rank(pct=True).to_numpy(float)
        high = limit > opposite
        true = rank >= limit if high else rank <= limit
        false = rank <= opposite if high else rank >= opposite
        facts[fact] = _where(table, true, false)
    return facts


def simulated_facts(truths: list[Mapping[str, object]]) -> dict[Fact, Known]:
    """Read the truth of simulated objects, of which everything is known."""
    told = [facts_of(truth) for truth in truths]
    # An open question is no fact: how an outline would be called that is seen as no ellipse.
    values = sorted({(name, _text(value)) for facts in told for name, value in facts.items()})
    found = {}
    for name, value in values:
        true = np.array([_text(facts.get(name)) == value for facts in told])
        found[name, value] = true.astype(np.float32)
    barred = np.array(["bar" in facts for facts in told])
    found["bar", "yes"] = barred.astype(np.float32)
    arms = found["kind", "spiral"] + found.get(("kind", "barred spiral"), 0)
    found["kind", "spiral"] = np.minimum(arms, 1).astype(np.float32)
    return found


def _text(value: object) -> str:
    return "yes" if value is True else str(value)
