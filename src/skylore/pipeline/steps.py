"""The steps that fill columns and indexes, and all that is missing of them in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from skylore.archive.fill import FillOptions, FillReport

if TYPE_CHECKING:
    from skylore.alignment.service import AlignReport
    from skylore.archive.table import Archive
    from skylore.captions.service import CaptionReport
    from skylore.vlm.estimate import Estimate

__all__ = ["align", "arrange", "build", "caption", "embed", "index", "measure"]

IMAGE_ENCODER = "galaxy-nano"
TEXT_ENCODER = "minilm"


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


def index(archive: Archive, **options: Any) -> list[str]:  # noqa: ANN401 - as IndexOptions
    """Index ids, positions, captions and vectors; returns what was done, a line each."""
    from skylore.archive.disk import full_disk_said
    from skylore.search.index import IndexOptions, build_indexes

    with full_disk_said(archive.location):
        return build_indexes(archive, IndexOptions(**options))


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
    spread = (
        {} if options is None else {"engine": options.engine, "workers": options.workers or None}
    )
    yield from index(archive, **spread)


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
