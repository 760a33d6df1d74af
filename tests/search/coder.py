"""A process to be killed: ``python -m search.coder ARCHIVE`` codes the vectors of an archive."""

from __future__ import annotations

import sys

from skylore.archive.table import Archive
from skylore.search.codes.building import build_codes
from skylore.search.codes.options import CodeOptions

COLUMN = "image_vector"
OPTIONS = CodeOptions(bytes_a_row=16, segment_rows=1024, progress=False)


def main() -> None:
    """Say when the work begins."""
    archive = Archive.open(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    build_codes(archive, COLUMN, OPTIONS)


if __name__ == "__main__":
    main()
