"""Experiments from what users say."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from skylore.errors import ModelError
from skylore.scaling.experiments.settings import (
    AlignmentExperiment,
    EncoderExperiment,
    Experiment,
    Schedule,
)

__all__ = ["make_experiment"]

_TASKS = "classification (--label COLUMN), votes (--label TREE) and alignment"


def make_experiment(
    task: str,
    label: str | None = None,
    *,
    steps: int | None = None,
    batch_size: int | None = None,
    pixels: int | None = None,
    frames: int | None = None,
    **common: Any,  # noqa: ANN401 - as the experiments take them
) -> Experiment:
    """Make an experiment; what is not given keeps its default.

    Parameters
    ----------
    task : {"classification", "votes", "alignment"}
    label : str, optional
        The column of classes, or the decision tree of the votes.
    steps, batch_size : int, optional
        Of each run.
    pixels, frames : int, optional
        Of encoders: what they see of an image.
    **common
        ``where``, ``group_by``, ``validation``, ``test``.

    Raises
    ------
    ModelError
        There is no such task, or what is given does not belong to it or makes no sense.
    """
    given = {name: value for name, value in common.items() if value is not None}
    try:
        if task == "alignment":
            if label is not None or pixels is not None or frames is not None:
                raise ModelError(
                    "alignment learns from vectors and captions; it takes no label, pixels or "
                    "frames"
                )
            return _alignment(_given(steps=steps, batch_size=batch_size), given)
        if task in {"classification", "votes"}:
            if label is None:
                raise ModelError(f"{task} needs labels: {_TASKS}")
            sizes, recipe = _given(pixels=pixels, frames=frames), _given(batch_size=batch_size)
            given |= {"task": task, "label": label, "schedule": Schedule(steps=steps)}
            return _encoder(given, sizes, recipe)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise ModelError(f"{name} = {first['input']!r}: {first['msg']}") from error
    if task == "density":
        raise ModelError(
            "the task density trains the density emulator, which this Skylore does not have; the "
            f"tasks that it has are {_TASKS}"
        )
    raise ModelError(f"no task {task!r}; there are {_TASKS}")


def _given(**values: int | None) -> dict[str, int]:
    return {name: value for name, value in values.items() if value is not None}


def _alignment(recipe: dict[str, int], given: dict[str, Any]) -> AlignmentExperiment:
    return AlignmentExperiment.model_validate({"recipe": recipe, **given})


def _encoder(
    given: dict[str, Any], sizes: dict[str, int], recipe: dict[str, int]
) -> EncoderExperiment:
    # Changed sizes are checked with the rest, which model_copy would not do.
    usual = EncoderExperiment.model_fields["recipe"].default.model_dump()
    whole = {**usual, **recipe, "network": {**usual["network"], **sizes}}
    return EncoderExperiment.model_validate({**given, "recipe": whole})
