from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from newcomer import SKYLORE
from skylore import pipeline
from skylore.archive.staging import Staging
from skylore.archive.table import Archive
from skylore.sources.mosaic import hubble_deep_field

# A shell that starts processes in the background has them ignore interrupts; this undoes it.
HEEDING = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def test_interrupted_step_keeps_what_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "a.skylore"
    pipeline.ingest(path, hubble_deep_field(max_objects=160))
    archive = Archive.open(path)
    process = subprocess.Popen(
        [sys.executable, "-c", HEEDING, SKYLORE, "measure", str(path), "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    staging = Staging(archive.location, "measure")
    while staging.rows() == 0 and process.poll() is None:
        time.sleep(0.05)
        staging = Staging(archive.location, "measure")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "skylore: interrupted; run the same command again to go on"
    assert "Traceback" not in errors
    archive.refresh()
    assert 0 < archive.filled("measure_flag") < len(archive)
    again = [SKYLORE, "measure", str(path), "--limit", "1", "--workers", "0", "--quiet"]
    done = subprocess.run(again, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("measure: 1 done")
