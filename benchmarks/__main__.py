"""Run every benchmark, one after the other: ``python -m benchmarks [--work WORK] [--write]``.

Those of the trained encoders need the folder that ``python -m recipes.galaxy_nano`` worked in.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import arguments


def main() -> None:
    """Run them in processes of their own, so that none disturbs another's figures."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, help="folder of the recipe")
    asked = parser.parse_args()
    options = ["--write"] if asked.write else []
    trained = ("retrieval", "probes", "votes") if asked.work else ()
    skylore = Path(sys.executable).with_name("skylore")
    with tempfile.TemporaryDirectory() as folder:
        demo = Path(folder) / "demo"
        subprocess.run([skylore, "demo", "--dir", demo], check=True)
        for name, *given in (
            ("demo",),
            ("startup", demo / "hdf.skylore"),
            ("rates",),
            ("kills",),
            ("vote_heads",),
            ("scaling_laws",),
            *((name, "--work", asked.work) for name in trained),
        ):
            module = f"benchmarks.{name}"
            subprocess.run([sys.executable, "-m", module, *given, *options], check=True)


if __name__ == "__main__":
    main()
