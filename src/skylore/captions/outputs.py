"""The columns of every captioner."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["OUTPUTS"]

OUTPUTS = pa.schema(
    [
        pa.field("caption", pa.string(), metadata={"description": "what the object looks like"}),
        pa.field(
            "captions",
            pa.list_(pa.string()),
            metadata={"description": "the caption, and other texts that say the same"},
        ),
    ]
)
