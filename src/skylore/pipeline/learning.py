"""Training encoders, and measuring how well an archive answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from skylore.archive.table import Archive
    from skylore.evaluation.captions.report import CaptionReport as JudgedCaptions
    from skylore.evaluation.questions import Question
    from skylore.evaluation.report import SearchReport
    from skylore.morphology.report import PretrainReport
    from skylore.morphology.settings import PretrainSettings

__all__ = ["evaluate", "evaluate_captions", "pretrain"]


def pretrain(
    archive: Archive,
    folder: str | Path,
    settings: PretrainSettings | None = None,
    **how: Any,  # noqa: ANN401 - as pretrain_encoder
) -> PretrainReport:
    """Train an image encoder on the labels and images of an archive, into ``folder``."""
    from skylore.morphology.service import pretrain_encoder
    from skylore.morphology.settings import PretrainSettings

    return pretrain_encoder(archive, folder, settings or PretrainSettings(), **how)


def evaluate(
    archive: Archive,
    questions: str | Path | Question | Sequence[Question],
    *,
    training: str | Path | None = None,
    exclude_within: str | None = None,
    engine: Literal["ray"] | None = None,
    workers: int | None = None,
    **settings: Any,  # noqa: ANN401 - as Settings.build takes them
) -> SearchReport:
    """Measure how well an archive answers questions in words, beside what knows nothing.

    Parameters
    ----------
    archive
        Where.
    questions
        The name of a shipped set (``aion-search``, ``aion-search-lens``), a TOML file, or
        questions (:meth:`skylore.evaluation.questions.Question.build`).
    training, exclude_within
        A table or archive of what a model was trained on, and an angle such as ``1arcsec``:
        objects so near to one of them are dropped.
    engine, workers
        ``ray`` spreads the work over a Ray cluster, so many parts of it at a time.
    **settings
        As :class:`skylore.evaluation.protocol.Settings`: ``modes``, ``cuts``, ``gain``,
        ``image_queries``, ``where``, ``resamples``, ``seed`` …

    Raises
    ------
    QueryError, ColumnError, SourceError
        As :func:`skylore.evaluation.protocol.evaluate_search`.
    """
    from skylore.evaluation.contamination import parse_radius
    from skylore.evaluation.protocol import evaluate_search
    from skylore.evaluation.questions import Question, load_questions
    from skylore.evaluation.settings import Settings

    if isinstance(questions, str | Path):
        questions = load_questions(questions)
    return evaluate_search(
        archive,
        [questions] if isinstance(questions, Question) else questions,
        Settings.build(**settings),
        training=training,
        exclude_within=None if exclude_within is None else parse_radius(exclude_within),
        engine=engine,
        workers=workers,
    )


def evaluate_captions(
    trees: str | Path,
    captions: str | Path,
    *,
    judge: str = "keywords",
    tree: str = "gz-decals",
    text_column: str | None = None,
    seed: int = 0,
    resamples: int = 2000,
    **asked: Any,  # noqa: ANN401 - as ModelCaptionJudge takes them
) -> JudgedCaptions:
    """Measure how much of what volunteers saw can be read in captions.

    Parameters
    ----------
    trees
        A Parquet table with ``id`` and ``decision_tree``, volunteers' answers as JSON.
    captions
        An archive with captions, or a Parquet table with ``id``, a text and ``model``.
    judge
        ``keywords``, or ``openai:MODEL``.
    tree
        Name or file of the decision tree.
    text_column
        Of the texts; ``description`` or ``caption`` if not given.
    seed, resamples
        Of the bootstrap.
    **asked
        For a model, as :class:`skylore.evaluation.captions.by_model.ModelCaptionJudge` takes them:
        ``agree``, ``base_url``, ``budget``, ``price_in``, ``price_out`` …

    Raises
    ------
    SourceError, ColumnError, ModelError
        As :func:`skylore.evaluation.captions.benchmark.evaluate_captions`.
    """
    from skylore.evaluation.captions.benchmark import evaluate_captions as evaluate_them
    from skylore.evaluation.captions.judges import make_judge
    from skylore.evaluation.captions.tables import read_captions, read_paths
    from skylore.morphology.tree import load_tree

    questions = load_tree(tree)
    return evaluate_them(
        read_paths(trees, questions),
        read_captions(captions, text_column=text_column),
        make_judge(judge, **asked),
        questions,
        seed=seed,
        resamples=resamples,
    )
