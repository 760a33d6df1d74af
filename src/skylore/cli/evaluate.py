"""``skylore evaluate``: how well searches and captions do, beside what knows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from skylore.cli.model_options import Yes, given_of, model_option, with_model_options
from skylore.cli.options import ArchivePath, Engine, OnlyWhere, Quiet, Workers, check_workers

if TYPE_CHECKING:
    from skylore.evaluation.captions.by_model import JudgingForecast
    from skylore.evaluation.questions import Question

__all__ = ["register"]

_HELP = "Measure searches and captions, with intervals, beside baselines that know nothing."

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write the report to a file.", show_default=False),
]
ReportFormat = Literal["text", "json", "csv"]
Format = Annotated[
    ReportFormat | None,
    typer.Option(
        "--format",
        help="Of the report; text, or what the suffix of the file says.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    evaluate = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode=None)
    evaluate.command("search")(search)
    evaluate.command("captions")(with_model_options(captions))
    app.add_typer(evaluate, name="evaluate")


def search(
    archive: ArchivePath,
    *,
    relevance: Annotated[
        str | None,
        typer.Option(
            metavar="SQL",
            help="Who is right: a column of grades or truth values, or \"class = 'spiral'\".",
            show_default=False,
        ),
    ] = None,
    query: Annotated[
        list[str] | None,
        typer.Option(help="Words to search for; several are paraphrases.", show_default=False),
    ] = None,
    queries: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE.toml",
            help="Questions from a file, or a shipped set: aion-search, aion-search-lens.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Relevant from this grade on; 0.5.", show_default=False),
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(
            help="vector, text, hybrid; several may be given. Without: vector and text, where the "
            "archive has them.",
            show_default=False,
        ),
    ] = None,
    gain: Annotated[
        Literal["exponential", "linear"], typer.Option(help="Of nDCG: 2^rel − 1, or rel.")
    ] = "exponential",
    image_queries: Annotated[
        int, typer.Option(min=0, help="Right answers to draw as image queries; 0 for none.")
    ] = 100,
    exclude_within: Annotated[
        str | None,
        typer.Option(
            metavar="ANGLE",
            help="Leave out objects so near to a training object: 1arcsec.",
            show_default=False,
        ),
    ] = None,
    training: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="The training objects: a table or an archive with ra and dec.",
            show_default=False,
        ),
    ] = None,
    where: OnlyWhere = None,
    resamples: Annotated[int, typer.Option(min=20, help="Of the bootstrap.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap and the draws.")] = 0,
    engine: Engine = None,
    workers: Workers = None,
    report_format: Format = None,
    output: Output = None,
) -> None:
    """Measure how well an archive is searched in words, against a column that knows.

    Each question is asked in all its wordings, of every object. Image similarity, a blind constant
    and random orders stand beside it, scored by the same estimator.
    """
    from skylore import pipeline
    from skylore.archive.table import Archive

    check_workers(engine, workers)
    report = pipeline.evaluate(
        Archive.open(archive),
        _questions(relevance, query, queries, threshold),
        training=training,
        exclude_within=exclude_within,
        modes=tuple(mode) if mode else None,
        gain=gain,
        image_queries=image_queries,
        where=where,
        resamples=resamples,
        seed=seed,
        engine=engine,
        workers=workers,
    )
    kind = _format(report_format, output)
    _deliver(report.dumps(kind), output)


def captions(
    trees: Annotated[
        Path,
        typer.Argument(
            metavar="TREES",
            help="Parquet table: id, and decision_tree, volunteers' answers as JSON.",
            show_default=False,
        ),
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="CAPTIONS",
            help="An archive with captions; or a Parquet table: id, description, model.",
            show_default=False,
        ),
    ],
    *,
    column: Annotated[
        str | None,
        typer.Option(help="Of the texts; caption or description.", show_default=False),
    ] = None,
    judge: Annotated[
        str,
        typer.Option(help="Who reads them: keywords, or openai:MODEL, a language model."),
    ] = "keywords",
    judge_prompt: Annotated[
        str | None, model_option("--judge-prompt", metavar="FILE", help="A prompt of your own.")
    ] = None,
    tree: Annotated[
        str, typer.Option(metavar="NAME", help="gz-decals, gz2, or a JSON file.")
    ] = "gz-decals",
    resamples: Annotated[int, typer.Option(min=20, help="Of the bootstrap.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    report_format: Format = None,
    output: Output = None,
    yes: Yes = False,
    quiet: Quiet = False,
    asked: dict[str, Any],
) -> None:
    """Measure how much of what volunteers saw can be read in captions.

    A judge that does not see the images answers the volunteers' questions from the captions. What
    constant answers score stands beside it: captions that score no more say nothing.

    With --judge openai:MODEL a few captions are judged first, which says what all will cost. It
    never spends more than the budget, and never pays twice for an answer.
    """
    from skylore import pipeline

    report = pipeline.evaluate_captions(
        trees,
        source,
        text_column=column,
        tree=tree,
        judge=judge,
        seed=seed,
        resamples=resamples,
        **_asked_of_judge(judge, asked | given_of({"prompt": judge_prompt}), yes, quiet),
    )
    _deliver(report.dumps(_format(report_format, output)), output)


def _asked_of_judge(judge: str, asked: dict[str, Any], yes: bool, quiet: bool) -> dict[str, Any]:
    if not judge.startswith("openai:"):
        if asked:
            named = next(iter(asked)).replace("_", "-")
            raise typer.BadParameter(f"--{named} goes with --judge openai:MODEL")
        return {}
    if shown := {"image_size", "detail"} & set(asked):
        named = min(shown).replace("_", "-")
        raise typer.BadParameter(f"--{named}: a judge of captions is shown no image")

    def agree(forecast: JudgingForecast) -> bool:
        typer.echo(forecast, err=True)
        return yes or typer.confirm("Go on?", err=True)

    return {"agree": agree, "progress": not quiet, **asked}


def _questions(
    relevance: str | None,
    query: list[str] | None,
    queries: list[str] | None,
    threshold: float | None,
) -> list[Question]:
    from skylore.evaluation.questions import Question, load_questions

    if (relevance is None) != (not query):
        raise typer.BadParameter("--relevance and --query go together")
    if relevance is None and threshold is not None:
        raise typer.BadParameter("--threshold goes with --relevance; a file has its own")
    asked = [question for name in queries or () for question in load_questions(name)]
    if relevance is not None and query:
        asked.insert(0, Question.build(query, relevance, threshold=threshold))
    if not asked:
        raise typer.BadParameter("give --relevance and --query, or --queries FILE.toml")
    return asked


def _format(asked: ReportFormat | None, output: Path | None) -> ReportFormat:
    suffixes: dict[str, ReportFormat] = {".json": "json", ".csv": "csv"}
    if asked is not None or output is None:
        return asked or "text"
    return suffixes.get(output.suffix.lower(), "text")


def _deliver(text: str, output: Path | None) -> None:
    from skylore.evaluation.layout import write_text

    if output is None:
        typer.echo(text, nl=False)
        return
    write_text(output, text)
    typer.echo(f"report written to {output}", err=True)
