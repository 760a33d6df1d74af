"""What a diffusion head cannot learn, told before it tries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skylore.density.coding import Coded
from skylore.density.column_spec import ColumnSpec
from skylore.density.diffusion.schedule import cosine_schedule
from skylore.density.settings import DensitySettings
from skylore.errors import ModelError

__all__ = ["check_errors"]

_SHARE = 0.05


def check_errors(coded: Coded, specs: Sequence[ColumnSpec], settings: DensitySettings) -> None:
    """Refuse columns of which hardly a value is measured well enough to teach the last steps.

    Raises
    ------
    ModelError
        Fewer than 5 % of a column's values have an error below the noise of the last step.
    """
    schedule = cosine_schedule(settings.diffusion_steps)
    last = int(schedule.spaced(settings.sampler_steps)[-2])
    finest = float(schedule.noise[last] / schedule.signal[last]) / 1.2
    for column, spec in enumerate(specs):
        errors = coded.error[coded.present[:, column], column]
        if spec.error and len(errors) and float(np.quantile(errors, _SHARE)) > finest:
            raise ModelError(
                f'the errors in "{spec.error}" are too large for a diffusion head to learn what '
                f'"{spec.name}" truly is; leave the column of errors out, or take --head mixture'
            )
