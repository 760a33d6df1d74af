"""A process to be killed: ``python -m archive.ingester ARCHIVE SOURCE``."""

from __future__ import annotations

import sys

from skylore import pipeline
from skylore.intake.ingest import IngestOptions

if __name__ == "__main__":
    options = IngestOptions(progress=False, batch_rows=16)
    pipeline.ingest(sys.argv[1], sys.argv[2], options)
