"""A process to be killed: ``python -m vlm.captioner ARCHIVE URL BUDGET CONCURRENCY``."""

from __future__ import annotations

import sys

from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.captions.asking import make_settings
from skylore.captions.service import caption_by_model

if __name__ == "__main__":
    path, url, budget, concurrency = sys.argv[1:]
    settings = make_settings(
        "openai:seer-1",
        base_url=url,
        budget=budget,
        price_in=0.4,
        price_out=1.6,
        image_size=64,
        concurrency=int(concurrency),
    )
    options = FillOptions(progress=False, fold_rows=64)
    print(caption_by_model(Archive.open(path), settings, options, lambda _: True))
