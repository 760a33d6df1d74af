"""A process to be killed: ``python -m vlm.batch_captioner ARCHIVE URL ROWS_A_BATCH``."""

from __future__ import annotations

import signal
import sys

from skylore.archive.table import Archive
from vlm.batching import run_in_batches

if __name__ == "__main__":
    # A shell that starts processes in the background has them ignore interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path, url, most = sys.argv[1:]
    report = run_in_batches(Archive.open(path), url, {"most_requests": int(most)})
    print(report, file=sys.stderr)
