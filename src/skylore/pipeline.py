"""The steps of the pipeline by name, as Python functions and commands use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skylore.archive.fill import FillOptions, FillReport
from skylore.archive.table import Archive
from skylore.errors import ArchiveNotFoundError
from skylore.intake.ingest import IngestOptions, IngestReport, refuse_repeats
from skylore.intake.ingest import ingest as ingest_source

if TYPE_CHECKING:
    from skylore.alignment.service import AlignReport
    from skylore.captions.service import CaptionReport
    from skylore.evaluation.captions.report import CaptionReport as JudgedCaptions
    from skylore.evaluation.questions import Question
    from skylore.evaluation.report import SearchReport
    from skylore.intake.join import JoinReport
    from skylore.morphology.report import PretrainReport
    from skylore.morphology.settings import PretrainSettings
    from skylore.sources.base import Source
    from skylore.vlm.estimate import Estimate

__all__ = [
    "align",
    "arrange",
    "build",
    "caption",
    "create",
    "embed",
    "evaluate",
    "evaluate_captions",
    "index",
    "ingest",
    "join",
    "measure",
    "open",
    "pretrain",
]

IMAGE_ENCODER = "galaxy-nano"
TEXT_ENCODER = "minilm"

create = Archive.create
open = Archive.open  # noqa: A001 - sky.open("…") reads as it should


def ingest(
    path: str | Path,
    source: Source | str | Path,
    options: IngestOptions | None = None,
    **given: Any,  # noqa: ANN401 - as the sources take them
) -> tuple[Archive, IngestReport]:
    """Bring the objects of a source into the archive at ``path``, made if there is none.

    Parameters
    ----------
    path
        A folder or object-store URL.
    source
        A path that :func:`skylore.sources.open.open_source` understands, or a source.
    options
        How to ingest.
    **given
        How to open the source: ``kind``, ``id_column``, ``vector_column``, ``size`` …

    Raises
    ------
    SourceError
        The source cannot be read.
    DuplicateIdError
        Ids repeat; nothing is written.
    """
    from skylore.sources.open import open_source

    if isinstance(source, str | Path):
        source = open_source(str(source), **given)
    try:
        archive = Archive.open(path)
    except ArchiveNotFoundError:
        ids = source.ids()
        if options is None or not options.keep_first:
            refuse_repeats(source, ids)
        archive = Archive.create(path, id_type=ids.type)
    return archive, ingest_source(archive, source, options)


def join(path: str | Path, catalogue: str | Path, *, id_column: str | None = None) -> JoinReport:
    """Add the columns of a catalogue file to the objects of the same ids.

    Raises
    ------
    SourceError
        The catalogue cannot be read, or none of its ids is in the archive.
    """
    from skylore.intake.join import join_catalogue
    from skylore.sources.remarks import about_columns
    from skylore.sources.tables import load_catalogue

    read = load_catalogue(catalogue, id_column)
    report = join_catalogue(Archive.open(path), read.table, str(catalogue))
    remarks = about_columns(read.renamed, read.left_out, read.positions_refused)
    return replace(report, remarks=tuple(remarks))


def measure(archive: Archive, options: FillOptions | None = None) -> FillReport:
    """Measure the structure of the object in each image."""
    from skylore.imaging.steps import Measure

    return archive.fill(Measure(), options)


def caption(
    archive: Archive,
    options: FillOptions | None = None,
    *,
    captioner: str | None = None,
    agree: Callable[[Estimate], bool] | None = None,
    **asked: Any,  # noqa: ANN401 - as make_settings takes them
) -> FillReport | CaptionReport:
    """Describe each object in words.

    Parameters
    ----------
    archive, options
        What to fill, and how.
    captioner
        ``measurements`` writes sentences from the measured columns; ``column:NAME`` takes the
        texts of a catalogue column; ``openai:MODEL`` asks a vision-language model on a server.
        None goes on as before, or takes ``measurements``; where a model wrote the captions it does
        nothing, since that costs money.
    agree
        Asked whether to go on with what a model is expected to cost; unless given, it goes on
        within the budget.
    **asked
        For a model, as :func:`skylore.captions.asking.make_settings` takes them: ``base_url``,
        ``budget``, ``price_in``, ``price_out``, ``prompt``, ``summary``, ``concurrency`` …

    Raises
    ------
    ModelError
        The model cannot be asked, or what it is to cost at most is not said.
    """
    from skylore.captions.steps import captioner_of, captioning_step
    from skylore.vlm.settings import is_by_model

    chosen = captioner or captioner_of(archive)
    if not is_by_model(chosen):
        if asked:
            raise TypeError(f"{', '.join(asked)}: only for captioners such as openai:MODEL")
        return archive.fill(captioning_step(archive, chosen), options)
    from skylore.captions.asking import make_settings, nothing_done
    from skylore.captions.service import caption_by_model

    if captioner is None and not asked:
        return nothing_done(archive)
    settings = make_settings(chosen, **asked)
    return caption_by_model(archive, settings, options or FillOptions(), agree or (lambda _: True))


def embed(
    archive: Archive,
    options: FillOptions | None = None,
    *,
    encoder: str | None = None,
    text_encoder: str | None = None,
) -> list[FillReport]:
    """Turn images, and captions where there are some, into vectors.

    Where the image encoder ships with a space shared with words, as ``galaxy-nano`` does, images
    are brought into it too: nothing needs to be captioned or trained to search in words.

    Parameters
    ----------
    archive, options
        What to fill, and how.
    encoder, text_encoder
        Names of encoders. None goes on with the archive's own, or takes ``galaxy-nano``
        and ``minilm``. Ready-made image vectors are left as they are.
    """
    from skylore.alignment.service import share_words
    from skylore.encoders.steps import EmbedImages, EmbedTexts

    reports = []
    if _has_images(archive) and (encoder or not _given(archive, "image_vector")):
        chosen = encoder or _model(archive, "image_vector") or IMAGE_ENCODER
        reports.append(archive.fill(EmbedImages(chosen), options))
    if "captions" in archive.schema.names:
        chosen = text_encoder or _model(archive, "caption_vectors") or TEXT_ENCODER
        reports.append(archive.fill(EmbedTexts(chosen), options))
    shared = share_words(archive, options or FillOptions())
    if shared is None and options is not None and options.overwrite:
        _search_by(archive, "image_vector")
    return [*reports, shared] if shared else reports


def _has_images(archive: Archive) -> bool:
    from skylore.imaging.flux import BANDS

    return bool(archive.filled("image") or BANDS in archive.schema.names)


def _search_by(archive: Archive, column: str) -> None:
    """Drop the space of an earlier encoder where this column's is shared with words itself."""
    made = archive.columns[column].provenance if column in archive.schema.names else None
    if made is not None and made.text_encoder is not None and "vector" in archive.schema.names:
        archive.drop_columns(["vector"])


def _model(archive: Archive, column: str) -> str | None:
    made = archive.columns[column].provenance if column in archive.schema.names else None
    return made.model if made else None


def _given(archive: Archive, column: str) -> bool:
    made = archive.columns[column].provenance if column in archive.schema.names else None
    return made is not None and made.step == "ingest"


def align(
    archive: Archive,
    options: FillOptions | None = None,
    *,
    start: str | None = None,
    **settings: Any,  # noqa: ANN401 - as TrainingSettings
) -> AlignReport:
    """Train the space that images and words share on the archive's captions.

    It starts from the space that ships with the image encoder, if one does, and adapts it. An
    archive that was aligned so keeps its model, and new images are brought into its space;
    ``options.overwrite`` trains anew. With ``start``, a folder or hub id, nothing is trained: the
    images are brought into the space of the model there.
    """
    from skylore.alignment.service import adopt_alignment, align_archive

    if start is not None:
        return adopt_alignment(archive, start, options or FillOptions())
    return align_archive(archive, options or FillOptions(), **settings)


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


def index(archive: Archive, **options: Any) -> list[str]:  # noqa: ANN401 - as IndexOptions
    """Index ids, positions, captions and vectors; returns what was done, a line each."""
    from skylore.archive.disk import full_disk_said
    from skylore.search.index import IndexOptions, build_indexes

    with full_disk_said(archive.location):
        return build_indexes(archive, IndexOptions(**options))


def evaluate(
    archive: Archive,
    questions: str | Path | Question | Sequence[Question],
    *,
    training: str | Path | None = None,
    exclude_within: str | None = None,
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
    **settings
        As :class:`skylore.evaluation.protocol.Settings`: ``modes``, ``cuts``, ``gain``,
        ``image_queries``, ``where``, ``resamples``, ``seed`` …

    Raises
    ------
    QueryError, ColumnError, SourceError
        As :func:`skylore.evaluation.protocol.evaluate_search`.
    """
    from skylore.evaluation.contamination import parse_radius
    from skylore.evaluation.protocol import Settings, evaluate_search
    from skylore.evaluation.questions import Question, load_questions

    if isinstance(questions, str | Path):
        questions = load_questions(questions)
    return evaluate_search(
        archive,
        [questions] if isinstance(questions, Question) else questions,
        Settings.build(**settings),
        training=training,
        exclude_within=None if exclude_within is None else parse_radius(exclude_within),
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
    from skylore.evaluation.captions.judge import make_judge
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


def arrange(archive: Archive, *, memory: int = 1 << 30, progress: bool = False) -> Iterator[str]:
    """Write rows anew in the order of the sky, then the indexes that there were.

    See :func:`skylore.archive.arranging.arrange`. Yields a line about each thing when it is done.
    """
    from skylore.archive.arranging import arrange as arrange_rows

    indexed = bool(archive.objects.describe_indices())
    report = arrange_rows(archive, memory=memory, progress=progress)
    yield str(report)
    if indexed and report.files:
        yield from index(archive, rebuild=True)


def build(archive: Archive, options: FillOptions | None = None) -> Iterator[str]:
    """Do whatever is missing, in order, and yield a line about each step when it is done.

    Steps that an archive has nothing for, such as measuring where there are no images, are left
    out; what cannot be done yet is said.
    """
    if archive.filled("image"):
        yield str(measure(archive, options))
    if "measure_flag" in archive.schema.names or "caption" in archive.schema.names:
        yield str(caption(archive, options))
    yield from map(str, embed(archive, options))
    yield from _align_if_possible(archive, options)
    yield from index(archive)


def _align_if_possible(archive: Archive, options: FillOptions | None) -> Iterator[str]:
    from skylore.alignment.pairs import FEWEST_OBJECTS
    from skylore.captions.steps import captioner_of

    if "vector" in archive.schema.names and captioner_of(archive) == "measurements":
        # Captions from measurements know less than what ships with the encoder was taught.
        return
    if not {"image_vector", "caption_vectors"} <= set(archive.schema.names):
        if "vector" not in archive.schema.names:
            yield "align: left out, since it needs both images and captions as vectors"
        return
    pairs = archive.count("image_vector IS NOT NULL AND caption_vectors IS NOT NULL")
    if pairs < FEWEST_OBJECTS:
        if "vector" not in archive.schema.names:
            yield f"align: left out: {pairs} captioned images, and it needs {FEWEST_OBJECTS}"
        return
    yield str(align(archive, options))
