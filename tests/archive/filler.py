"""A process to be killed: ``python -m archive.filler ARCHIVE LOG WORKERS``."""

from __future__ import annotations

import sys

from archive.steps import LengthStep
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive

if __name__ == "__main__":
    path, log, workers = sys.argv[1:]
    step = LengthStep(log=log, seconds=0.004, batch_rows=8, bad=("g13", "g200"))
    options = FillOptions(progress=False, workers=int(workers), fold_rows=64)
    Archive.open(path).fill(step, options)
