"""Folders that are not what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from skylore.classification.model import ClassifierModel
from skylore.errors import ModelError

SHIPPED = Path(__file__).parents[2] / "src/skylore/pretrained/galaxy-nano"


def test_a_model_of_another_kind_is_told_in_a_line() -> None:
    """Not by every field that a configuration lacks."""
    with pytest.raises(
        ModelError, match=r"of another kind of model.*skylore classify fit"
    ) as found:
        ClassifierModel.load(SHIPPED)
    assert len(str(found.value)) < 300


def test_a_folder_that_is_not_there_lacks_its_configuration(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no config\.json"):
        ClassifierModel.load(tmp_path / "nothing")
