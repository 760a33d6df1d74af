"""Run every benchmark, one after the other: ``python -m benchmarks [--write]``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Run them in processes of their own, so that none disturbs another's figures."""
    options = [option for option in sys.argv[1:] if option == "--write"]
    skylore = Path(sys.executable).with_name("skylore")
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        subprocess.run([skylore, "demo", "--dir", demo], check=True)
        archive = Path(folder) / "gz1.skylore"
        for name, *arguments in (
            ("demo",),
            ("startup", demo / "hdf.skylore"),
            ("rates",),
            ("kills",),
            ("retrieval", "--archive", archive),
        ):
            module = f"benchmarks.{name}"
            subprocess.run([sys.executable, "-m", module, *arguments, *options], check=True)


if __name__ == "__main__":
    main()
