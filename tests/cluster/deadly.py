"""A part of an evaluation that kills its worker once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skylore.evaluation.parts import Part


@dataclass(frozen=True)
class DiesAtFirst:
    """Does what another part does, but kills the first process that begins it.

    With ``always`` it kills every one.
    """

    part: Part
    mark: str
    always: bool = False

    def score(self, *given: Any) -> Any:
        mark = Path(self.mark)
        if self.always or not mark.exists():
            mark.touch()
            os._exit(9)
        return self.part.score(*given)
