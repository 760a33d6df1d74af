"""A process to be killed: ``python -m morphology.pretrainer ARCHIVE FOLDER STEPS``."""

from __future__ import annotations

import sys

from morphology.shapes import kill_settings
from skylore.archive.table import Archive
from skylore.morphology.service import pretrain_encoder

if __name__ == "__main__":
    archive, folder, steps = sys.argv[1:]
    pretrain_encoder(Archive.open(archive), folder, kill_settings(int(steps)), progress=False)
