"""The whole way with 64 galaxies: from images to figures of search in words.

``python -m benchmarks.evaluate_64 --data DATA [--unchecked SET …]``: ingests the 64 images of
AION-Search's caption benchmark, embeds them with ``galaxy-nano``, takes captions that a published
model wrote, and searches in words by vector and in the captions. Right answers are what volunteers
agreed on.

Galaxies within an arcsecond of one that ``galaxy-nano`` was trained on are left out. A training set
without positions is an error, unless it is named as unchecked, which is then said beside the
figures.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from recipes.galaxies import SETS

from benchmarks.report import arguments, publish, table
from skylore import pipeline
from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.errors import SourceError
from skylore.evaluation.captions.paths import VolunteerPath
from skylore.evaluation.captions.tables import read_captions, read_paths
from skylore.evaluation.contamination import read_positions_of
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
RADIUS = 1.0
"""Arcseconds within which two surveys show one galaxy."""
_IAU = re.compile(r"J(\d\d)(\d\d)(\d\d\.\d+)([+-])(\d\d)(\d\d)(\d\d\.\d+)")
FIGURES = ("nDCG@10", "hits@10", "average precision")


def truth(paths: list[VolunteerPath]) -> pa.Table:
    """Make a truth value a node of the tree: whether volunteers agreed on it."""
    found = {str(p.id): {f"{q}_{a}" for q, a in p.answers.items()} for p in paths}
    wanted = [question.relevance.removeprefix("node_") for question in QUESTIONS]
    columns = {f"node_{n}": [n in nodes for nodes in found.values()] for n in wanted}
    return pa.table({"id": list(found), **columns})


def positions_of(file: Path) -> pa.Table:
    """Read the positions of a training set: its columns, or names that are made of positions.

    Raises
    ------
    SourceError
        It has neither.
    """
    names = pq.read_table(file, columns=["id"])["id"].to_pylist()
    found = [match for name in names if (match := _IAU.fullmatch(str(name)))]
    if not names or len(found) < len(names):
        ra, dec = read_positions_of(file)
        return pa.table({"ra": ra, "dec": dec})
    degrees = [[float(part) for part in (*m.group(1, 2, 3), *m.group(5, 6, 7))] for m in found]
    signs = [-1 if m[4] == "-" else 1 for m in found]
    return pa.table(
        {
            "ra": [15 * (h + m / 60 + s / 3600) for h, m, s, *_ in degrees],
            "dec": [
                g * (d + m / 60 + s / 3600) for g, (*_, d, m, s) in zip(signs, degrees, strict=True)
            ],
        }
    )


def trained_on(data: Path, unchecked: Collection[str]) -> pa.Table:
    """Give the positions of all that ``galaxy-nano`` was trained on, but of the sets named.

    Raises
    ------
    SourceError
        A set has no positions: whether these galaxies are among it cannot be known.
    """
    tables = []
    for name, file in SETS.items():
        if name in unchecked:
            continue
        try:
            tables.append(positions_of(data / file))
        except SourceError as error:
            raise SourceError(f"{error}. Or have it said: --unchecked {name}") from error
    if not tables:
        raise SourceError("no training set is left to compare positions with")
    return pa.concat_tables(tables)


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


def checked(report: SearchReport, sets: str, unchecked: Collection[str]) -> str:
    """Say what was compared with what, and what could not be."""
    galaxies = report.questions[0].objects + report.dropped
    said = f"{report.dropped} of {galaxies} galaxies lie within {RADIUS:g}″ of one of the training "
    said += f"set {sets}, and were left out."
    names = ", ".join(name for name in SETS if name in unchecked)
    return f"{said} Without positions, so not compared: {names}." if names else said


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real data")
    parser.add_argument(
        "--unchecked", nargs="+", default=(), choices=SETS, help="sets that have no positions"
    )
    parser.add_argument("--writer", default="gpt-4.1-mini", help="whose captions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        training = (
            Path(folder) / f"{'-'.join(n for n in SETS if n not in options.unchecked)}.parquet"
        )
        pq.write_table(trained_on(options.data, options.unchecked), training)
        archive = prepared(options.data, Path(folder), options.writer)
        settings = Settings(modes=("vector", "text", "hybrid"), cuts=(10,))
        report = evaluate_search(
            archive, QUESTIONS, settings, training=training, exclude_within=RADIUS
        )
    header = ["question", "method", *FIGURES, "intervals over"]
    text = f"Captions by {options.writer}. {checked(report, training.stem, options.unchecked)}"
    text += f"\n\n{table(header, rows_of(report))}"
    publish("evaluate-64", text, write=options.write)


if __name__ == "__main__":
    main()
