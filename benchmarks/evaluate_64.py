"""The whole way with 64 galaxies: from images to figures of search in words.

``python -m benchmarks.evaluate_64 --data DATA``: ingests the 64 images of AION-Search's
caption benchmark, embeds them with ``galaxy-nano``, takes captions that a published model wrote,
and searches in words by vector and in the captions. Right answers are what volunteers agreed on.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.report import arguments, publish, table
from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.evaluation.captions.paths import VolunteerPath
from skylore.evaluation.captions.tables import read_captions, read_paths
from skylore.evaluation.protocol import Settings, evaluate_search
from skylore.evaluation.questions import Question
from skylore.evaluation.report import SearchReport
from skylore.evaluation.scores import Figure
from skylore.morphology.tree import load_tree

QUESTIONS = (
    Question.build(
        (
            "visible spiral arms",
            "a galaxy with spiral arms",
            "spiral galaxy",
            "a disk with winding spiral structure",
            "arms that wind around a central bulge",
        ),
        "node_has-spiral-arms_yes",
        name="spiral",
    ),
    Question.build(
        (
            "merging",
            "a galaxy merger",
            "two galaxies in the process of merging",
            "colliding galaxies",
            "interacting galaxies with tidal tails",
        ),
        "node_merging_merger",
        name="merger",
    ),
    Question.build(
        (
            "edge-on galaxy",
            "a disk galaxy seen edge-on",
            "thin edge-on disk",
            "galaxy viewed from the side",
            "highly inclined elongated disk",
        ),
        "node_disk-edge-on_yes",
        name="edge-on",
    ),
    Question.build(
        (
            "elliptical galaxy",
            "a smooth elliptical",
            "round smooth early-type galaxy",
            "featureless spheroidal galaxy",
            "smooth galaxy without structure",
        ),
        "node_smooth-or-featured_smooth",
        name="smooth",
    ),
)
FIGURES = ("nDCG@10", "hits@10", "average precision")


def truth(paths: list[VolunteerPath]) -> pa.Table:
    """Make a truth value a node of the tree: whether volunteers agreed on it."""
    found = {str(p.id): {f"{q}_{a}" for q, a in p.answers.items()} for p in paths}
    wanted = [question.relevance.removeprefix("node_") for question in QUESTIONS]
    columns = {f"node_{n}": [n in nodes for nodes in found.values()] for n in wanted}
    return pa.table({"id": list(found), **columns})


def prepared(data: Path, folder: Path, writer: str) -> Archive:
    """Build the archive as a user would."""
    images = data / "legacy_benchmark64.parquet"
    catalogue = truth(read_paths(images, load_tree("gz-decals")))
    texts: dict[str, str] = {}
    for caption in read_captions(data / "legacy_benchmark64_captions.parquet"):
        if caption.writer == writer:
            texts.setdefault(str(caption.id), caption.text)
    said = pa.array([texts[name] for name in catalogue["id"].to_pylist()])
    pq.write_table(catalogue.append_column("description", said), folder / "truth.parquet")
    quiet = FillOptions(progress=False)
    archive, _ = pipeline.ingest(folder / "64.skylore", images)
    pipeline.join(folder / "64.skylore", folder / "truth.parquet")
    archive.refresh()
    pipeline.caption(archive, quiet, captioner="column:description")
    pipeline.embed(archive, quiet)
    pipeline.index(archive)
    return Archive.open(folder / "64.skylore")


def cell(figure: Figure, digits: int) -> str:
    """Show a mean, its interval and its spread over wordings."""
    spread = "" if figure.spread is None else f" ±{figure.spread:.{digits}f}"
    return f"{figure.mean:.{digits}f} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]{spread}"


def rows_of(report: SearchReport) -> list[list[object]]:
    """Lay out each question with its methods."""
    rows: list[list[object]] = []
    for question in report.questions:
        label = f"{question.name} ({question.relevant} of {question.objects})"
        for method in question.methods:
            cells = [
                cell(method.figures[name], 1 if name.startswith("hits") else 3) for name in FIGURES
            ]
            rows.append([label, method.method, *cells, method.over])
    return rows


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data")
    parser.add_argument("--writer", default="gpt-4.1-mini", help="whose captions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = prepared(options.data, Path(folder), options.writer)
        settings = Settings(modes=("vector", "text", "hybrid"), cuts=(10,))
        report = evaluate_search(archive, QUESTIONS, settings)
    header = ["question", "method", *FIGURES, "intervals over"]
    text = f"Captions by {options.writer}.\n\n{table(header, rows_of(report))}"
    publish("evaluate-64", text, write=options.write)


if __name__ == "__main__":
    main()
