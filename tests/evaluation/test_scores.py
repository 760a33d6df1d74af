from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from skylore.evaluation.metrics import expected_average_precision
from skylore.evaluation.population import Population
from skylore.evaluation.scores import by_chance, over_objects, over_queries
from skylore.evaluation.ties import Cuts

CUTS = Cuts(recall=(100,))


def population(grades):
    grades = np.asarray(grades, float)
    return Population(pa.array(range(len(grades))), grades, grades >= 0.5, None)


def scored(scores, who, resamples=60):
    how = {"resamples": resamples, "confidence": 0.95, "seed": 0}
    return over_objects("it", [np.asarray(s, float) for s in scores], who, CUTS, **how).figures


def test_perfect_and_reversed():
    who = population(np.repeat([1.0, 0.0], [150, 350]))
    perfect = scored([-np.arange(500)], who)
    assert perfect["nDCG@10"].mean == pytest.approx(1)
    assert perfect["average precision"].mean == pytest.approx(1)
    assert perfect["nDCG@10"].low == pytest.approx(1)
    assert perfect["recall@100"].mean == pytest.approx(100 / 150)
    assert scored([np.arange(500)], who)["nDCG@10"].mean == 0


def test_shuffled_is_what_chance_gives_and_lies_in_its_interval():
    rng = np.random.default_rng(1)
    who = population(rng.random(1000) < 0.2)
    found = scored([rng.permutation(1000) for _ in range(8)], who)["average precision"]
    chance = expected_average_precision(int(who.relevant.sum()), 1000)
    assert found.low < chance < found.high
    assert found.worst <= found.mean <= found.best
    random = by_chance(who, CUTS, resamples=200, confidence=0.95, seed=0)
    assert random.figures["average precision"].mean == pytest.approx(chance)
    assert random.figures["average precision"].low < chance < random.figures["nDCG@10"].high


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """What 40,000 objects show is the truth for 150 of the kind."""
    rng = np.random.default_rng(5)

    def draw(count):
        relevant = rng.random(count) < 0.3
        return rng.normal(size=count) + relevant, population(relevant)

    scores, many = draw(40_000)
    truth = scored([scores], many, resamples=20)["average precision"].mean
    held = []
    for _ in range(60):
        scores, few = draw(150)
        found = scored([scores], few, resamples=80)["average precision"]
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) > 0.85


def test_queries_are_what_varies_where_they_are_many():
    each = [{"nDCG@10": value} for value in (0.0, 0.5, 1.0, 0.5)]
    found = over_queries("it", each, confidence=0.95, seed=0, unranked=3)
    figure = found.figures["nDCG@10"]
    assert (figure.mean, figure.worst, figure.best, found.unranked) == (0.5, 0.0, 1.0, 3)
    assert 0 < figure.low < 0.5 < figure.high < 1
    assert figure.spread == pytest.approx(np.std([0, 0.5, 1, 0.5], ddof=1))
