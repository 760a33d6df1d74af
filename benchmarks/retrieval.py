"""Search in words among galaxies that no encoder was trained on.

``python -m benchmarks.retrieval --work WORK``, after ``python -m recipes.galaxy_nano all DATA
WORK``: ranks the held-out galaxies of each set for five wordings of each question, with each
encoder, and beside the words of the captions, image similarity and random.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.held_out import embedded, encoders, held_out_archive
from benchmarks.report import arguments, publish, table
from skylore.evaluation.protocol import Settings, evaluate_search
from skylore.evaluation.questions import Question
from skylore.evaluation.report import QuestionReport
from skylore.evaluation.scores import MethodScores

GZ1 = "gz1 IS NOT NULL"

QUESTIONS = (
    Question(
        name="spiral",
        where=GZ1,
        relevance="gz1 = 'spiral'",
        texts=(
            "spiral galaxy",
            "a galaxy with spiral arms",
            "face-on spiral with visible arms",
            "disk galaxy with winding arms",
            "late-type spiral",
        ),
    ),
    Question(
        name="edge-on",
        where=GZ1,
        relevance="gz1 = 'edge-on'",
        texts=(
            "edge-on galaxy",
            "a disk galaxy seen edge-on",
            "thin edge-on disk",
            "galaxy viewed from the side",
            "highly inclined elongated disk",
        ),
    ),
    Question(
        name="elliptical",
        where=GZ1,
        relevance="gz1 = 'elliptical'",
        texts=(
            "elliptical galaxy",
            "a smooth elliptical",
            "round smooth early-type galaxy",
            "featureless spheroidal galaxy",
            "red and smooth elliptical",
        ),
    ),
    Question(
        name="merging",
        where=GZ1,
        relevance="gz1 = 'merger'",
        texts=(
            "merging galaxies",
            "two galaxies colliding",
            "interacting pair of galaxies",
            "galaxy merger with disturbed shape",
            "two galaxies in contact",
        ),
    ),
    Question(
        name="ring",
        where="ring IS NOT NULL",
        relevance="ring",
        texts=(
            "ring galaxy",
            "galaxy with a ring",
            "a ring of stars around the centre",
            "galaxy surrounded by an outer ring",
            "ringed disk",
        ),
    ),
    Question(
        name="lens",
        where="lens_grade IS NOT NULL",
        relevance="lens_grade >= 2",
        texts=(
            "gravitational lens",
            "blue arc around a red galaxy",
            "strong gravitational lensing",
            "Einstein ring",
            "lensed background galaxy with arcs",
        ),
    ),
)
FIGURES = ("nDCG@10", "average precision", "recall@100")
BY_ENCODER = Settings(modes=("vector", "hybrid"), cuts=(100,), image_queries=10_000)
BY_CAPTIONS = Settings(modes=("text",), cuts=(100,), image_queries=0)


def cells(method: MethodScores) -> list[object]:
    """Show each figure: with its interval, and the range over wordings where there are some."""
    return [_cell(method, name) for name in FIGURES]


def _cell(method: MethodScores, name: str) -> str:
    if name not in method.figures:
        return "–"
    figure = method.figures[name]
    if method.over == "shuffles":
        return f"{figure.mean:.3f}"
    shown = f"{figure.mean:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
    wordings = method.over == "objects" and method.rankings > 1
    return f"{shown} ({figure.worst:.2f}–{figure.best:.2f})" if wordings else shown


def by_encoder(encoder: str, report: QuestionReport) -> dict[str, list[object]]:
    """Give what depends on the encoder, by method."""
    ways = {m: f"words by {encoder}, {m}" for m in BY_ENCODER.modes or ()}
    found = {way: cells(report.method(f"words, {mode}")) for mode, way in ways.items()}
    return found | {f"images by {encoder}": cells(report.method("images, image_vector"))}


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the recipe")
    options = parser.parse_args()
    archive = held_out_archive(options.work)
    found: dict[str, dict[str, list[object]]] = {question.name: {} for question in QUESTIONS}
    for encoder in encoders(options.work):
        embedded(archive, options.work, encoder)
        for report in evaluate_search(archive, QUESTIONS, BY_ENCODER).questions:
            found[report.name] |= by_encoder(encoder, report)
    rows: list[list[object]] = []
    for report in evaluate_search(archive, QUESTIONS, BY_CAPTIONS).questions:
        methods = found[report.name]
        methods["words of the captions"] = cells(report.method("words, text"))
        methods["random"] = cells(report.method("random"))
        label = f"{report.name} ({report.relevant} of {report.objects})"
        rows += [[label, method, *scores] for method, scores in methods.items()]
    publish("retrieval", table(["question", "method", *FIGURES], rows), write=options.write)


if __name__ == "__main__":
    main()
