from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skylore.errors import SourceError
from skylore.evaluation.captions.paths import (
    VolunteerPath,
    constant_answers,
    score_path,
    walk,
)
from skylore.morphology.tree import load_tree

TREE = load_tree("gz-decals")
SPIRAL = {
    "smooth-or-featured": "featured-or-disk",
    "disk-edge-on": "no",
    "has-spiral-arms": "yes",
    "bar": "no",
    "merging": "none",
}
answers = st.fixed_dictionaries(
    {q.name: st.sampled_from([*q.answers, None]) for q in TREE.questions}
)


@given(answers)
def test_a_path_is_its_own_best_judge(given_answers):
    nodes = walk(TREE, given_answers)
    owners = {column: q.name for q in TREE.questions for column in q.columns}
    own = {owners[node]: node.removeprefix(f"{owners[node]}_") for node in nodes}
    if own:
        text = json.dumps([{"question": q, "answer": a} for q, a in own.items()])
        read = VolunteerPath.parse("a", text, TREE)
        assert score_path(TREE, read, given_answers).share == 1
        assert score_path(TREE, read, given_answers).open == 0


@given(answers, answers)
def test_scores_are_shares(one, two):
    one["smooth-or-featured"] = one["smooth-or-featured"] or "smooth"
    nodes = walk(TREE, one)
    owners = {column: q.name for q in TREE.questions for column in q.columns}
    read = VolunteerPath("a", {owners[n]: n.removeprefix(f"{owners[n]}_") for n in nodes})
    found = score_path(TREE, read, two)
    assert 0 <= found.share <= 1
    assert found.matches + found.open <= found.total


def test_the_published_rules_of_scoring():
    volunteers = VolunteerPath("a", SPIRAL)
    wrong_root = {**SPIRAL, "smooth-or-featured": "smooth"}
    # All that hangs on the root is lost; whether it merges is asked of smooth galaxies too.
    assert score_path(TREE, volunteers, wrong_root).share == 1 / 5
    assert score_path(TREE, volunteers, {**SPIRAL, "smooth-or-featured": "artifact"}).share == 0
    silent = score_path(TREE, volunteers, {**SPIRAL, "bar": None})
    assert (silent.share, silent.open) == (4 / 5, 1)
    further = {**SPIRAL, "spiral-winding": "tight", "bulge-size": "none"}
    assert score_path(TREE, volunteers, further).share == 1


def test_the_constant_is_the_most_frequent_answer_to_each_question():
    smooth = VolunteerPath("b", {"smooth-or-featured": "smooth", "how-rounded": "round"})
    found = constant_answers([VolunteerPath("a", SPIRAL), smooth, smooth])
    assert found["smooth-or-featured"] == "smooth"
    assert found["bar"] == "no"
    assert "spiral-winding" not in found


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "3",
        '[{"question": "bar"}]',
        '[{"question": "bar", "answer": "no"}]',
        '[{"question": "smooth-or-featured", "answer": "purple"}]',
        '[{"question": "taste", "answer": "sweet"}]',
        '[{"question": "bar", "answer": "no"}, {"question": "bar", "answer": "weak"}]',
    ],
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(SourceError, match="'g7'"):
        VolunteerPath.parse("g7", text, TREE)
