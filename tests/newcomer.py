"""What a newcomer has: the command, and what the demo left."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SKYLORE = Path(sys.executable).with_name("skylore")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run(
        [SKYLORE, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@dataclass(frozen=True)
class DemoRun:
    """What the demo left and said."""

    folder: Path
    stdout: str
    stderr: str

    @property
    def archive(self) -> Path:
        return self.folder / "hdf.skylore"
