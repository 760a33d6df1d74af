"""The table that holds everything, and the one mechanism that fills its columns."""

from __future__ import annotations

import os

# Lance warns on stderr at every query and index build unless told otherwise before it is loaded.
os.environ.setdefault("LANCE_LOG", "error")
