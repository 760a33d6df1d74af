"""What vision-language models' captions say of 64 galaxies, against what volunteers saw.

``python -m benchmarks.caption_benchmark --data DATA``: the captions published with AION-Search, by
model: the published score averaged anew, the score by a judge that counts keywords, and what
constant answers score, with 95 % intervals over galaxies.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.report import arguments, publish, table
from skylore.evaluation.captions.benchmark import evaluate_captions
from skylore.evaluation.captions.judges import make_judge
from skylore.evaluation.captions.report import CaptionReport, Share
from skylore.evaluation.captions.tables import read_captions, read_paths
from skylore.morphology.tree import load_tree

STATED: Mapping[str, str] = {
    "o3": "0.55 (high effort)",
    "gpt-4.5-preview": "0.528",
    "gpt-4.1": "0.508",
    "gpt-4.1-mini": "0.501",
    "gpt-4.1-nano": "0.400",
    "gemini-2.5-pro-preview-06-05": "0.461 (one of two)",
    "gemini-2.5-pro-preview-05-06": "0.461 (one of two)",
    "gemini-2.5-flash-preview-05-20": "0.444 (most thinking)",
    "gemini-2.0-flash": "0.382",
    "gemini-2.0-flash-lite": "0.368",
}
"""Read off the paper's first figure. The table mixes settings of thinking, which it does not name,
so that the means of o3 and Gemini 2.5 Flash need not agree."""


def rows_of(report: CaptionReport) -> list[list[object]]:
    """Lay out the writers by published score, then the floors."""

    def published(share: Share | None) -> float:
        return -share.mean if share else 0.0

    rows: list[list[object]] = []
    for w in sorted(report.writers, key=lambda w: (published(w.published), w.writer)):
        stated = STATED.get(w.writer, "–")
        theirs = [w.published or "–", w.published_per_answer or "–"]
        rows.append([w.writer, w.captions, stated, *theirs, w.per_galaxy, w.per_answer])
    rows += [[f.name, "–", "–", *[f.per_galaxy, f.per_answer] * 2] for f in report.floors]
    return rows


def agreement(report: CaptionReport) -> str:
    """Say how well the keyword judge stands for the published one."""
    from scipy.stats import spearmanr

    pairs = [(w.per_galaxy.mean, w.published.mean) for w in report.writers if w.published]
    rank = spearmanr(*zip(*pairs, strict=True))
    captions = [(w.agreement, w.captions) for w in report.writers if w.agreement is not None]
    apart = sum(a * n for a, n in captions) / sum(n for _, n in captions)
    return (
        f"The judges' means by model correlate with rank coefficient {rank.statistic:.2f} "
        f"(p = {rank.pvalue:.2g}, {len(pairs)} models); scores of single captions are {apart:.2f} "
        "apart in the mean."
    )


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data")
    options = parser.parse_args()
    tree = load_tree("gz-decals")
    report = evaluate_captions(
        read_paths(options.data / "legacy_benchmark64.parquet", tree),
        read_captions(options.data / "legacy_benchmark64_captions.parquet"),
        make_judge("keywords"),
        tree,
    )
    header = ["captions by", "captions", "stated", "published judge, per galaxy"]
    header += ["published judge, per answer", "keywords, per galaxy", "keywords, per answer"]
    laid_out = table(header, rows_of(report))
    text = f"{report.galaxies} galaxies, {report.answers} answers.\n\n{laid_out}"
    publish("caption-benchmark", f"{text}\n\n{agreement(report)}", write=options.write)


if __name__ == "__main__":
    main()
