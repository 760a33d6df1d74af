from __future__ import annotations

import pytest

from skylore.errors import QueryError
from skylore.evaluation.questions import Question, load_questions, shipped_questions


def test_the_published_protocol_ships():
    assert shipped_questions() == ("aion-search", "aion-search-lens")
    asked = {q.name: q for s in shipped_questions() for q in load_questions(s)}
    assert [asked[name].texts[0] for name in ("spiral", "merger", "gravitational lens")] == [
        "visible spiral arms",
        "merging",
        "gravitational lens",
    ]
    assert all(len(question.texts) == 5 for question in asked.values())
    assert asked["merger"].relevance == "merging_merger_fraction"


def test_a_file_is_read(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[[questions]]\nname = "a"\ntexts = ["b", "c"]\nrelevance = "d > 2"\n')
    assert load_questions(file) == (Question(name="a", texts=("b", "c"), relevance="d > 2"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[questions]", "not TOML"),
        ("", "questions"),
        ('[[questions]]\nname = "a"\ntexts = []\nrelevance = "d"', "texts"),
        ('[[questions]]\nname = "a"\ntexts = ["  "]\nrelevance = "d"', "no words"),
        ('[[questions]]\nname = "a"\ntexts = ["b", "b"]\nrelevance = "d"', "twice"),
        ('[[questions]]\nname = "a"\ntexts = ["b"]\nrelevance = "d"\nthreshold = 0', "threshold"),
        ('[[questions]]\nname = "a"\ntexts = ["b"]\nrelevance = "d"\ntypo = 0', "typo"),
        ('[[questions]]\nname = "a"\ntexts = ["b"]\nrelevance = "d"\n' * 2, "unique"),
    ],
)
def test_a_file_that_holds_no_questions_says_why(tmp_path, text, says):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(QueryError, match=says):
        load_questions(file)


def test_there_must_be_a_file():
    with pytest.raises(QueryError, match="aion-search"):
        load_questions("nowhere.toml")


@pytest.mark.parametrize(("texts", "relevance"), [("", "a"), (["b", " "], "a"), ("b", "")])
def test_a_question_says_something(texts, relevance):
    with pytest.raises(QueryError, match="cannot be asked"):
        Question.build(texts, relevance)


def test_examples_are_relevant():
    with pytest.raises(QueryError, match="examples"):
        Question.build("b", "a", threshold=0.8, example_threshold=0.5)
