"""Texts tell what is there, in many wordings, and never what is not."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skylore.captions.grammar import ADJECTIVES, FEATURES, NAMES
from skylore.captions.phrasing import phrases
from skylore.errors import SourceError
from skylore.simulation.captions import describe_truth, facts_of
from skylore.simulation.simulator import KINDS, simulate

_VALUES: dict[str, list[object]] = {"kind": list(NAMES), "edge_on": [True]}
for _grammar in (ADJECTIVES, FEATURES):
    for _fact, _words in _grammar.items():
        _VALUES.setdefault(_fact, []).extend(True if w == "yes" else w for w in _words)

_facts = st.fixed_dictionaries(
    {}, optional={fact: st.sampled_from([None, False, *v]) for fact, v in _VALUES.items()}
)
_NEGATION = re.compile(
    r"\b(no|not|without|lacks?|lacking|un(barred|ringed)|absent|armless)\b", re.IGNORECASE
)


@settings(deadline=None)
@given(facts=_facts, seed=st.integers(0, 2**32))
def test_any_facts_give_six_to_ten_clean_and_different_texts(
    facts: dict[str, object], seed: int
) -> None:
    texts = phrases(facts, np.random.default_rng(seed))
    assert 6 <= len(texts) <= 10
    assert len(set(texts)) == len(texts)
    assert texts == phrases(facts, np.random.default_rng(seed))
    for text in texts:
        assert not _NEGATION.search(text), text
        assert text == " ".join(text.split())
        assert not re.search(r"\ba [aeio]|\ban [bcdfgjklmnpqrtvwxyz]|[{}]|,,|\.\.", text), text
        assert not re.search(r"\b(\w+) \1\b", text), text


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("elliptical", {"elliptical", "early-type", "spheroid", "smooth", "ball"}),
        ("spiral", {"spiral", "arms", "late-type", "pinwheel", "grand design"}),
        ("barred spiral", {"bar", "barred", "spiral", "arms", "SB"}),
        ("edge-on", {"edge-on", "side", "needle-like", "inclined", "thin"}),
        ("ring", {"ring", "ringed", "annular", "encircl"}),
        ("merger", {"merg", "colliding", "interacting", "nuclei", "tidal"}),
        ("irregular", {"irregular", "clumpy", "knots", "chaotic"}),
        ("lens", {"lens", "arc", "Einstein", "background"}),
        ("star", {"star", "point source", "spikes"}),
        ("artefact", {"artifact", "streak", "trail", "defect"}),
    ],
)
def test_a_kind_is_told_in_many_wordings(kind: str, words: set[str]) -> None:
    texts = [t for seed in range(40) for t in describe_truth(simulate(seed, kind).truth, seed)]
    told = " ".join(texts)
    assert not {word for word in words if word not in told}
    assert len(set(texts)) > 60


def test_absent_structure_is_not_spoken_of() -> None:
    for kind in KINDS:
        for seed in range(12):
            truth = simulate(seed, kind).truth
            told = " ".join(describe_truth(truth, seed))
            if not truth["bar_strength"]:
                assert not re.search(r"\bbar\b|\bbarred\b", told), told
            if kind not in {"ring", "lens"} and truth["ring"] is None:
                assert not re.search(r"\bring\b", told), told
            if not truth["tidal_tails"]:
                assert not re.search(r"\btails?\b", told), told
            if kind not in {"spiral", "barred spiral"}:
                assert not re.search(r"\barms\b", told), told


def test_facts_of_a_known_class_need_no_truth() -> None:
    texts = phrases({"bar": "strong", "arm_count": 2}, np.random.default_rng(0))
    told = " ".join(texts)
    assert "bar" in told
    assert re.search(r"two|2|pair", told)
    assert "red" not in told.split()


def test_more_arms_than_words_are_many() -> None:
    texts = phrases({"kind": "spiral", "arm_count": 9}, np.random.default_rng(0))
    assert re.search(r"many|multiple|numerous|Several", " ".join(texts))


def test_unspoken_facts_are_those_that_are_missing() -> None:
    known = {"kind": "spiral", "bar": None, "ring": False, "arm_count": 0}
    bare = phrases({"kind": "spiral"}, np.random.default_rng(3))
    assert phrases(known, np.random.default_rng(3)) == bare


@pytest.mark.parametrize(
    "facts", [{"kind": "quasar"}, {"wings": 2}, {"bar": "huge"}, {"arm_count": -1}]
)
def test_facts_without_words_are_refused(facts: dict[str, object]) -> None:
    with pytest.raises(SourceError, match=r"choose from|the facts are"):
        phrases(facts, np.random.default_rng(0))


def test_numbers_become_words() -> None:
    truth = {
        "kind": "barred spiral", "bar_strength": 0.25, "bulge_fraction": 0.2, "arm_count": 2,
        "inclination": 12.0, "apparent_radius": 55.0, "clumpiness": 0.0, "edge_on": False,
    }  # fmt: skip
    assert facts_of(truth) == {
        "kind": "barred spiral", "bar": "strong", "bulge": "obvious", "arm_count": 2,
        "inclination": "face-on", "size": "large",
    }  # fmt: skip


def test_two_galaxies_are_told_in_the_plural() -> None:
    texts = [
        text
        for seed in range(200)
        for text in phrases({"kind": "merger"}, np.random.default_rng(seed))
    ]
    assert "These are colliding galaxies." in texts
    assert "This is an interacting pair." in texts
    assert "This is a pair of merging galaxies." in texts
    assert "This is colliding galaxies." not in texts
