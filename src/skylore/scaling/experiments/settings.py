"""What an experiment trains, and how: small values that are kept with every run."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from skylore.alignment.settings import ModelSizes, TrainingSettings
from skylore.errors import ModelError
from skylore.morphology.labels import ClassLabels, VoteCounts
from skylore.morphology.settings import PretrainSettings

__all__ = [
    "AlignmentExperiment",
    "EncoderExperiment",
    "Experiment",
    "Grid",
    "Schedule",
]

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=0.5)]


class _Experiment(BaseModel):
    """What all experiments say.

    Attributes
    ----------
    where : str, optional
        Checked SQL: which objects take part.
    group_by : str, optional
        A column whose equal values are never split between training and test.
    validation, test : float
        Shares of the objects that choose the best weights of a run, and that it is reported on:
        the same ones for all runs, and never trained on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    where: str | None = None
    group_by: str | None = None
    validation: Share = 0.05
    test: Share = 0.2


class Schedule(BaseModel):
    """How long to train on ``D`` objects.

    Attributes
    ----------
    steps : int, optional
        So many, whatever ``D``.
    epochs : float
        Otherwise, passes over the objects,
    fewest_steps : int
        but never fewer steps than this: small subsets need many passes to be learnt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Count | None = None
    epochs: Annotated[float, Field(gt=0)] = 24.0
    fewest_steps: Count = 300

    def steps_for(self, size: int, batch: int) -> int:
        """Give the steps for ``size`` objects."""
        return self.steps or max(self.fewest_steps, math.ceil(self.epochs * size / batch))


class EncoderExperiment(_Experiment):
    """Image encoders of several widths, trained on classes or votes.

    Attributes
    ----------
    task : {"classification", "votes"}
    label : str
        The column of classes; for votes the tree: ``gz2``, ``gz-decals`` or a JSON file.
    schedule : Schedule
    checks : int
        How often along the way the validation objects are looked at. The weights with which they
        are likeliest are tested, or small subsets would be reported overfitted (Kaplan et al. 2020,
        arXiv 2001.08361, section 4).
    recipe : PretrainSettings
        Its labels, width, steps and seed are those of each run.
    """

    metrics: ClassVar[dict[str, str]] = {
        "accuracy": "share of test objects whose likeliest class is right",
        "fraction_error": "mean absolute error of vote fractions on test objects",
    }
    unit: ClassVar[str] = "label"

    task: Literal["classification", "votes"]
    label: str
    schedule: Schedule = Schedule()
    checks: Count = 10
    recipe: PretrainSettings = PretrainSettings(batch_size=64)

    @property
    def name(self) -> str:
        """What runs are called by."""
        return f"{self.task}-{self.label}"

    @property
    def source(self) -> ClassLabels | VoteCounts:
        """Where the labels lie."""
        if self.task == "classification":
            return ClassLabels(column=self.label)
        return VoteCounts(tree=self.label)

    def recipe_for(self, size: int, width: int, seed: int) -> PretrainSettings:
        """Give the settings of one run."""
        batch = min(self.recipe.batch_size, size)
        given = {
            "labels": (self.source,),
            "network": self.recipe.network.model_copy(update={"width": width}),
            "steps": self.schedule.steps_for(size, batch),
            "seed": seed,
            "evaluations": 1,
        }
        return self.recipe.model_copy(update=given)


class AlignmentExperiment(_Experiment):
    """Spaces of several widths that images share with words, trained on captioned objects."""

    metrics: ClassVar[dict[str, str]] = {
        "average_precision": "of test captions searching test images, mean",
        "ndcg_at_10": "of test captions searching test images, mean",
    }
    unit: ClassVar[str] = "captioned object"

    task: Literal["alignment"] = "alignment"
    recipe: TrainingSettings = TrainingSettings()

    @property
    def name(self) -> str:
        """What runs are called by."""
        return self.task

    def recipe_for(self, width: int) -> TrainingSettings:
        """Give the settings of one run."""
        sizes = ModelSizes(embedding=width, image_hidden=width, text_hidden=width)
        return self.recipe.model_copy(update={"sizes": sizes})


Experiment = EncoderExperiment | AlignmentExperiment
"""An experiment of any kind."""


class Grid(BaseModel):
    """Amounts of data, model widths and seeds; a run for each combination.

    Each seed has its own order of the objects too, and subsets of one order are nested.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sizes: tuple[int, ...]
    widths: tuple[int, ...]
    seeds: int = 3

    def require_sense(self) -> None:
        """Refuse a grid that is empty or repeats itself.

        Raises
        ------
        ModelError
            It is.
        """
        for what, values in (("sizes", self.sizes), ("widths", self.widths)):
            if not values or min(values) < 1 or len(set(values)) < len(values):
                raise ModelError(f"the {what} {values} must be positive and different numbers")
        if self.seeds < 1:
            raise ModelError(f"{self.seeds} seeds are too few; three or more tell the scatter")

    def require_objects(self, largest: int) -> None:
        """Refuse a grid that asks for more objects than there are to train on.

        Raises
        ------
        ModelError
            It does.
        """
        if max(self.sizes) > largest:
            raise ModelError(
                f"runs on {max(self.sizes):,} objects were asked for, and {largest:,} are there to "
                "train on beside those that validate and test; take smaller sizes"
            )
