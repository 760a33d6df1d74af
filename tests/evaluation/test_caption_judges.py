from __future__ import annotations

import json

import pytest

from skylore.errors import ModelError
from skylore.evaluation.captions.judge import (
    CaptionJudge,
    answer_schema,
    answers_from_json,
    judged,
)
from skylore.evaluation.captions.judges import make_judge
from skylore.evaluation.captions.keywords import KeywordJudge
from skylore.evaluation.captions.paths import walk
from skylore.morphology.tree import load_tree

TREE = load_tree("gz-decals")
JUDGE = make_judge("keywords")

SAID = {
    "A smooth elliptical galaxy, nearly round, isolated.": {
        "smooth-or-featured_smooth",
        "how-rounded_round",
        "merging_none",
    },
    "An elliptical. Its shape is highly elongated. There are no tidal tails.": {
        "smooth-or-featured_smooth",
        "how-rounded_cigar-shaped",
        "merging_none",
    },
    "A face-on spiral galaxy with two tightly wound spiral arms, a small bulge and no bar.": {
        "smooth-or-featured_featured-or-disk",
        "disk-edge-on_no",
        "has-spiral-arms_yes",
        "spiral-winding_tight",
        "spiral-arm-count_2",
        "bulge-size_small",
        "bar_no",
    },
    "A thin edge-on disk with a boxy bulge.": {
        "smooth-or-featured_featured-or-disk",
        "disk-edge-on_yes",
        "edge-on-bulge_boxy",
    },
    "Two galaxies are merging: both are disks, with long tidal tails of the merger.": {
        "smooth-or-featured_featured-or-disk",
        "merging_merger",
    },
    "The image is dominated by an artifact with diffraction spikes.": {
        "smooth-or-featured_artifact"
    },
    "Nothing can be said.": set(),
}


@pytest.mark.parametrize(("caption", "nodes"), SAID.items())
def test_keywords_speak_for_answers(caption, nodes):
    assert walk(TREE, JUDGE.fill(TREE, [caption])[0]) == nodes


def test_denial_turns_a_word_round():
    spoken = JUDGE.fill(TREE, ["It shows spiral arms.", "It shows no sign of spiral arms."])
    assert [one["has-spiral-arms"] for one in spoken] == ["yes", "no"]


def test_other_objects_do_not_speak_for_the_galaxy():
    said = "An elliptical. Among background galaxies is a spiral galaxy with spiral arms."
    assert JUDGE.fill(TREE, [said])[0]["has-spiral-arms"] is None


def test_every_answer_of_the_tree_has_words_except_uncertainty():
    cues = KeywordJudge.shipped().cues
    said = {(cue.question, cue.answer) for cue in cues}
    denied = {(cue.question, cue.negated) for cue in cues if cue.negated}
    spoken_for = {f"{question}_{answer}" for question, answer in said | denied}
    assert set(TREE.columns) - spoken_for == {"spiral-arm-count_cant-tell"}
    assert spoken_for <= set(TREE.columns)


def test_a_lexicon_of_other_words_can_be_read():
    own = KeywordJudge.parse('[bar.strong]\nwords = ["cross"]\nnegated = "no"\n')
    assert own.fill(TREE, ["A cross. "])[0]["bar"] == "strong"
    with pytest.raises(ModelError, match="lexicon"):
        KeywordJudge.parse('[bar.strong]\nwords = ["("]')
    with pytest.raises(ModelError, match="no word"):
        KeywordJudge.parse('[taste.sweet]\nwords = ["a"]').fill(TREE, ["a"])


def test_replies_of_models_are_read_or_refused():
    schema = answer_schema(TREE)
    assert schema["required"] == [question.name for question in TREE.questions]
    assert schema["properties"]["bar"]["enum"] == ["strong", "weak", "no", "not-mentioned"]
    reply = dict.fromkeys(schema["required"], "not-mentioned") | {"bar": "weak"}
    found = answers_from_json(TREE, json.dumps(reply))
    assert found["bar"] == "weak"
    assert found["merging"] is None
    for wrong in ("", "[]", '{"bar": "golden"}', '{"taste": "sweet"}', '{"bar": 3}'):
        with pytest.raises(ModelError):
            answers_from_json(TREE, wrong)


class Sleepy:
    """A judge that breaks the rules."""

    name = "sleepy"

    def __init__(self, answers):
        self.answers = answers

    def fill(self, tree, captions):
        return self.answers


def test_judges_are_held_to_the_protocol():
    assert isinstance(JUDGE, CaptionJudge)
    assert isinstance(Sleepy([]), CaptionJudge)
    with pytest.raises(ModelError, match="0 answers to 1"):
        judged(Sleepy([]), TREE, ["a"])
    with pytest.raises(ModelError, match="golden"):
        judged(Sleepy([{"bar": "golden"}]), TREE, ["a"])
    with pytest.raises(ModelError, match="no judge"):
        make_judge("sleepy")
