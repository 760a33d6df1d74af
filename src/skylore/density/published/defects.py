"""What is wrong with the published model, each fault a switch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["AS_PUBLISHED", "REPAIRED", "Defects"]


class Defects(BaseModel):
    """True is as published, false repaired.

    Attributes
    ----------
    calibrates_means : bool
        The "quantile test" ranks predicted means among labels, whatever the posterior's width;
        repaired, each label is ranked among the draws for its own row.
    target_visible : bool
        The requested column stays among the inputs, so training teaches copying.
    drops_condition_at_equal_width : bool
        A head as wide as the encoder ignores the condition, in silence.
    starts_from_wrong_prior : bool
        Draws start from N(0, 1), although the noising leaves some signal; repaired, the schedule
        ends without signal and velocity is predicted, which is defined there.
    noise_at_last_step : bool
        The last step adds noise of deviation ``√β_1``, below which nothing is resolved.
    scales_linearly : bool
        Columns are divided by their spread, tails and all; repaired, quantiles become normal.
    judges_training_rows : bool
        Figures are made of all rows, those of the training included.
    splits_by_row : bool
        Repeats of an object straddle training and test.
    forgets_schedule : bool
        A loaded model has the default schedule, whatever it was trained with; and "cuda:0" is
        not recognised as CUDA, so gradients are not scaled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    calibrates_means: bool = True
    target_visible: bool = True
    drops_condition_at_equal_width: bool = True
    starts_from_wrong_prior: bool = True
    noise_at_last_step: bool = True
    scales_linearly: bool = True
    judges_training_rows: bool = True
    splits_by_row: bool = True
    forgets_schedule: bool = True


AS_PUBLISHED = Defects()
REPAIRED = Defects(**dict.fromkeys(Defects.model_fields, False))
