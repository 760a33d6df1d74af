"""A judge of captions that is a language model on a server, within a budget of money."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from skylore.archive.reason import Reason
from skylore.errors import ModelError
from skylore.evaluation.captions.judge import Unjudged
from skylore.evaluation.captions.paths import Answers
from skylore.evaluation.captions.reading import Reader, load_reading_prompt
from skylore.morphology.tree import DecisionTree
from skylore.vlm.asker import Usage
from skylore.vlm.estimate import Interval, total
from skylore.vlm.money import Budget, shown
from skylore.vlm.purse import BudgetSpentError
from skylore.vlm.session import Session
from skylore.vlm.settings import PREFIX, SessionSettings, make_session_settings
from skylore.vlm.store import AnswerStore

__all__ = ["JudgingForecast", "ModelCaptionJudge", "default_answers"]

SAMPLE = 16
TOKENS_EXPECTED = 600


@dataclass(frozen=True)
class JudgingForecast:
    """What judging captions will cost, the sample included.

    Attributes
    ----------
    captions, judged
        Those that must be paid for, and those of them that were judged, as a sample.
    cost
        In 10⁻¹² of ``currency``, with its interval of 90 % confidence.
    budget
        The most that will be spent, in the same unit; None if nothing is charged.
    """

    captions: int
    judged: int
    cost: Interval
    currency: str
    budget: int | None

    def __str__(self) -> str:
        """Say it in two lines."""
        expected, low, high = (
            shown(value, self.currency)
            for value in (self.cost.expected, self.cost.low, self.cost.high)
        )
        limit = f", and never more than {shown(self.budget, self.currency)}" if self.budget else ""
        return (
            f"{self.captions} captions to judge; {self.judged} of them were, as a sample\n"
            f"cost: {expected} ({low} to {high}){limit}"
        )


class ModelCaptionJudge:
    """Has a language model, which sees no image, answer the questions of a tree from captions.

    A question is only asked where the answers before it lead to it. Each answer is one of those
    that the question has, or ``not-mentioned``; a model that writes anything else is told so and
    asked again. Answers are kept and never paid for again, and the budget holds for one run:
    requests are only sent while the most that they may cost fits into it.

    Parameters
    ----------
    model
        ``openai:MODEL``.
    agree
        Asked with what it will cost, once a few captions were judged. Unless given, it goes on
        within the budget.
    prompt
        A file in place of the prompt that ships.
    answers
        The file in which answers are kept; :func:`default_answers` unless given.
    progress
        Whether to draw a bar.
    **session
        As :func:`skylore.vlm.settings.make_session_settings` takes them: ``base_url``, ``budget``,
        ``price_in``, ``price_out``, ``concurrency`` …

    Raises
    ------
    ModelError
        The model cannot be asked, or what it is to cost at most is not said.
    """

    def __init__(
        self,
        model: str,
        *,
        agree: Callable[[JudgingForecast], bool] | None = None,
        prompt: str | Path | None = None,
        answers: Path | None = None,
        progress: bool = True,
        **session: Any,  # noqa: ANN401 - as make_session_settings takes them
    ) -> None:
        self._settings = make_session_settings(model, **session)
        self._prompt = load_reading_prompt(prompt)
        self._answers = answers or default_answers()
        self._agree = agree
        self._progress = progress

    @property
    def name(self) -> str:
        """The model, and the prompt with its digest."""
        return f"{PREFIX}{self._settings.model}, prompt {self._prompt}"

    def fill(self, tree: DecisionTree, captions: Sequence[str]) -> list[Answers | Unjudged]:
        """Answer the questions of a tree from each caption; see :class:`CaptionJudge`.

        Raises
        ------
        ModelError
            The server answers nothing any more, the cost was not agreed to, or the budget is spent
            before all captions are judged. What was answered is kept.
        """
        settings = _limited(self._settings, self._answers)
        with Session(settings, self._answers, TOKENS_EXPECTED) as session:
            bar = tqdm(
                total=len(captions),
                desc="judge",
                unit="caption",
                disable=not self._progress,
                file=sys.stderr,
            )
            with bar:
                hearing = _Hearing(session, Reader.of(tree, self._prompt), captions, bar)
                new = hearing.to_be_paid()
                random.Random(0).shuffle(new)  # noqa: S311 - a sample of all writers
                sampled = new[:SAMPLE]
                usages = hearing.hear(sampled)
                if len(new) > len(sampled):
                    bar.clear()
                    self._foretell(usages, len(new))
                first = set(sampled)
                hearing.hear([i for i in range(len(captions)) if i not in first])
                return [hearing.said[i] for i in range(len(captions))]

    def _foretell(self, usages: Sequence[Usage], captions: int) -> None:
        budget = self._settings.budget
        amount = budget.amount if budget else None
        cost = total([use.cost for use in usages], captions)
        if amount is not None:
            cost = Interval(*(min(v, amount) for v in (cost.expected, cost.low, cost.high)))
        currency = budget.currency if budget else "USD"
        told = JudgingForecast(captions, len(usages), cost, currency, amount)
        if self._agree is not None and not self._agree(told):
            raise ModelError("not judged; what was answered is kept, and will not be paid again")


class _Hearing:
    """Judges captions through a session, and keeps what was said of each."""

    def __init__(
        self,
        session: Session,
        reader: Reader,
        captions: Sequence[str],
        bar: Any,  # noqa: ANN401 - tqdm is not typed
    ) -> None:
        self._session = session
        self._reader = reader
        self._captions = captions
        self._bar = bar
        self.said: dict[int, Answers | Unjudged] = {}

    def to_be_paid(self) -> list[int]:
        """List the captions of which not even the first question was answered before."""
        store, model = self._session.store, self._session.settings.model
        keys = [self._reader.first(caption).key(model) for caption in self._captions]
        return [i for i, key in enumerate(keys) if store.find(key) is None]

    def hear(self, chosen: Sequence[int]) -> list[Usage]:
        """Judge some of the captions; gives what each took."""
        usages = [Usage() for _ in chosen]
        asked = [
            self._session.submit(partial(self._reader.read, caption=self._captions[i], usage=use))
            for i, use in zip(chosen, usages, strict=True)
        ]
        for i, future in zip(chosen, asked, strict=True):
            error = future.exception()
            self._refuse_halt()
            self.said[i] = Unjudged(Reason.of(error).reason) if error else future.result()
            self._bar.update()
        return usages

    def _refuse_halt(self) -> None:
        halt = self._session.halt
        if isinstance(halt, BudgetSpentError):
            raise ModelError(
                f"the budget is spent after {len(self.said)} of {len(self._captions)} captions, "
                "and means over a part of them would be of other captions; what was answered is "
                "kept: run it again with a further --budget"
            )
        if halt is not None:
            raise halt


def default_answers() -> Path:
    """Give the file in which judgements of captions are kept: in the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "skylore" / "caption-judgements.sqlite"


def _limited(settings: SessionSettings, answers: Path) -> SessionSettings:
    """Let this run spend its budget on top of what was spent before."""
    if settings.budget is None:
        return settings
    store = AnswerStore(answers)
    try:
        before = store.spent()
    finally:
        store.close()
    budget = Budget(amount=before + settings.budget.amount, currency=settings.budget.currency)
    return settings.model_copy(update={"budget": budget})
