from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from skylore.errors import ModelError
from skylore.morphology.tree import DecisionTree, Question, load_tree, shipped_trees

SHAPE = Question(name="shape", answers=("smooth", "disk", "none"))
EDGE = Question(name="edge", answers=("yes", "no"), parent="shape_disk")
BAR = Question(name="bar", answers=("yes", "no"), parent="edge_no")
ODD = Question(name="odd", answers=("yes", "no"), parent=("shape_smooth", "shape_disk"))


def tree(*questions: Question) -> DecisionTree:
    return DecisionTree(name="small", questions=questions)


def test_columns_sizes_slices_and_parents():
    small = tree(SHAPE, EDGE, ODD)
    assert small.columns == (
        "shape_smooth", "shape_disk", "shape_none", "edge_yes", "edge_no", "odd_yes", "odd_no",
    )  # fmt: skip
    assert small.sizes == (3, 2, 2)
    assert [small.columns[s] for s in small.slices] == [q.columns for q in small.questions]
    assert small.parents == {
        "shape": (),
        "edge": ("shape_disk",),
        "odd": ("shape_smooth", "shape_disk"),
    }


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_asked_is_the_product_along_the_path_in_any_order(order):
    questions = [(SHAPE, EDGE, BAR, ODD)[i] for i in order]
    small = tree(*questions)
    given_p = {"shape": [0.3, 0.6, 0.1], "edge": [0.2, 0.8], "bar": [0.5, 0.5], "odd": [0.1, 0.9]}
    p = torch.tensor([[x for q in questions for x in given_p[q.name]]], requires_grad=True)
    expected = {"shape": 1.0, "edge": 0.6, "bar": 0.6 * 0.8, "odd": 0.9}
    found = small.asked(p)
    assert found[0].tolist() == pytest.approx([expected[q.name] for q in questions])
    found.sum().backward()
    assert torch.isfinite(p.grad).all()
    assert small.root_first.index(BAR) > small.root_first.index(EDGE)


@given(st.sampled_from(["gz2", "gz-decals"]), st.integers(0, 2**16))
def test_no_question_is_asked_oftener_than_its_parent(name, seed):
    shipped = load_tree(name)
    logits = torch.randn(5, len(shipped.columns), generator=torch.Generator().manual_seed(seed))
    p = torch.cat([(3 * logits[:, s]).softmax(1) for s in shipped.slices], dim=1)
    asked = shipped.asked(p)
    names = [question.name for question in shipped.questions]
    assert ((asked >= 0) & (asked <= 1 + 1e-6)).all()
    for q, question in enumerate(shipped.questions):
        for parent in question.parents:
            owner = next(n for n in names if parent.startswith(f"{n}_"))
            assert (asked[:, q] <= asked[:, names.index(owner)] + 1e-6).all()


def test_the_shipped_trees():
    assert shipped_trees() == ("gz-decals", "gz2")
    gz2, decals = load_tree("gz2"), load_tree("gz-decals")
    assert (len(gz2.questions), len(gz2.columns)) == (11, 37)
    assert (len(decals.questions), len(decals.columns)) == (10, 34)
    assert decals.columns[:3] == (
        "smooth-or-featured_smooth",
        "smooth-or-featured_featured-or-disk",
        "smooth-or-featured_artifact",
    )
    assert decals.parents["how-rounded"] == ("smooth-or-featured_smooth",)
    assert gz2.parents["t08_odd_feature"] == ("t06_odd_a14_yes",)


def test_gz2_has_the_columns_of_the_catalogue(shared_data):
    names = pq.read_schema(shared_data / "gz2_votes_sdss.parquet").names
    suffix = "_weighted_fraction"
    published = tuple(n.removesuffix(suffix) for n in names if n.endswith(suffix))
    assert load_tree("gz2").columns == published


def test_decals_asks_what_its_volunteers_were_asked(shared_data):
    """Also that ``merging`` is never asked after ``artifact``."""
    decals = load_tree("gz-decals")
    table = pq.read_table(shared_data / "legacy_benchmark64.parquet", columns=["decision_tree"])
    for path in map(json.loads, table["decision_tree"].to_pylist()):
        given_answers = {step["node"] for step in path}
        assert given_answers <= set(decals.columns)
        for step in path:
            parents = decals.parents[step["question"]]
            assert not parents or given_answers & set(parents)
        asked = {step["question"]: step["votes"] / step["agreement"] for step in path}
        if "merging" in asked:
            assert asked["merging"] <= asked["smooth-or-featured"] * 1.01
        else:
            assert "smooth-or-featured_artifact" in given_answers


def test_trees_survive_json_and_files(tmp_path: Path):
    small = tree(SHAPE, EDGE, BAR, ODD)
    path = tmp_path / "small.json"
    path.write_text(small.to_json(), encoding="utf-8")
    assert load_tree(path) == load_tree(str(path)) == small


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ((SHAPE, SHAPE), "questions must be unique"),
        (
            (
                Question(name="a", answers=("b_c", "d")),
                Question(name="a_b", answers=("c", "d")),
            ),
            "columns must be unique",
        ),
        ((EDGE,), "no such parent"),
        (
            (SHAPE, EDGE, Question(name="x", answers=("1", "2"), parent="shape_oval")),
            "no such",
        ),
        (
            (SHAPE, EDGE, Question(name="x", answers=("1", "2"), parent=("edge_no", "shape_disk"))),
            "different questions",
        ),
        (
            (
                Question(name="a", answers=("1", "2"), parent="b_1"),
                Question(name="b", answers=("1", "2"), parent="a_1"),
            ),
            "lead back",
        ),
        ((Question(name="a", answers=("1", "2"), parent="a_1"),), "lead back"),
        ((), "at least 1 item"),
    ],
)
def test_what_is_no_tree_is_refused(questions, message):
    with pytest.raises(ValidationError, match=message):
        tree(*questions)


@pytest.mark.parametrize(
    ("answers", "parent", "message"),
    [
        (("yes",), None, "at least 2"),
        (("yes", "yes"), None, "twice"),
        (("yes", "no"), ("a_1", "a_1"), "twice"),
        (("yes", "not sure"), None, "pattern"),
        (("yes", ""), None, "at least 1"),
    ],
)
def test_what_is_no_question_is_refused(answers, parent, message):
    with pytest.raises(ValidationError, match=message):
        Question(name="q", answers=answers, parent=parent)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "does not hold a decision tree"),
        ('{"name": "x", "questions": []}', "questions"),
        ('{"name": "x", "questions": [{"name": "a", "answers": ["1", "2"], "x": 1}]}', "Extra"),
        ('{"name": "x", "questions": [{"name": "a", "answers": ["1", "2"], "parent": "b_1"}]}',
         "no such parent"),
    ],
)  # fmt: skip
def test_files_that_hold_no_tree_are_refused(tmp_path, text, message):
    path = tmp_path / "tree.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        load_tree(path)


def test_unknown_names_are_refused_with_the_known_ones(tmp_path):
    for wrong in ("gz3", tmp_path / "none.json", tmp_path):
        with pytest.raises(ModelError, match="gz-decals, gz2, or the path"):
            load_tree(wrong)


def test_asked_refuses_other_widths():
    with pytest.raises(ModelError, match="3 answers"):
        tree(SHAPE).asked(torch.ones(2, 4))
