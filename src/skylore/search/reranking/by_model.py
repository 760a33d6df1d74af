"""A judge that is a vision-language model on a server, within a budget of money."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from skylore.archive.reason import Reason
from skylore.errors import ModelError
from skylore.search.reranking.asked import SampledCall, ask_certainty, call_of
from skylore.search.reranking.forecast import Forecast, forecast
from skylore.search.reranking.judge import Ask, Question, Verdict
from skylore.search.reranking.judge_settings import JudgeSettings
from skylore.vlm.asker import Usage
from skylore.vlm.faults import HaltedError
from skylore.vlm.money import Budget, shown
from skylore.vlm.places import kept_answers
from skylore.vlm.purse import BudgetSpentError
from skylore.vlm.session import Session
from skylore.vlm.settings import SessionSettings
from skylore.vlm.store import AnswerStore

if TYPE_CHECKING:
    from skylore.archive.table import Archive

__all__ = ["ModelJudge"]

SAMPLE = 16
LOCK = "rerank-answers"
TOKENS_EXPECTED = 1500


class ModelJudge:
    """Asks a model on a server that speaks OpenAI's protocol how certain it is.

    Each answer is kept beside the archive and never paid for again. The budget holds for one
    search: requests are only sent while the most that they may cost fits into it.

    Parameters
    ----------
    archive
        Whose images are judged; the answers are kept beside it.
    model
        ``openai:MODEL``, or settings that were made of it before.
    agree
        Asked with what it will cost, once a few questions were; never where all was answered
        before. Unless given, it goes on within the budget.
    progress
        Whether to draw a bar.
    **asked
        As :meth:`skylore.search.reranking.judge_settings.JudgeSettings.build` takes them:
        ``prompt``, ``image_size``, ``base_url``, ``budget``, ``price_in``, ``price_out`` …

    Raises
    ------
    ModelError
        The model cannot be asked, or what it is to cost at most is not said.
    """

    def __init__(
        self,
        archive: Archive,
        model: str | JudgeSettings,
        *,
        agree: Callable[[Forecast], bool] | None = None,
        progress: bool = True,
        **asked: Any,  # noqa: ANN401 - as JudgeSettings.build takes them
    ) -> None:
        judging = JudgeSettings.build(model, **asked) if isinstance(model, str) else model
        self.name = judging.name
        self._settings = judging.session
        self._prompt = judging.prompt
        self._view = judging.view
        self._archive = archive
        self._agree = agree
        self._progress = progress
        budget = self._settings.budget
        self._currency = budget.currency if budget else "USD"
        self.spent_amount = self.sent = 0

    @property
    def spent(self) -> str:
        """What this judge has spent, such as ``0.02 USD``."""
        return shown(self.spent_amount, self._currency)

    @contextmanager
    def begin(self, most: int) -> Iterator[Ask]:
        """Open a session; see :class:`skylore.search.reranking.judge.Judge`."""
        answers = kept_answers(self._archive, "judgements")
        with self._archive.lock(LOCK):
            before = _spent(answers)
            session = Session(self._limited(before), answers, TOKENS_EXPECTED)
            try:
                with session, self._bar(most) as bar:
                    call = partial(call_of, prompt=self._prompt, view=self._view)
                    foretell = partial(self._foretold, most, self._agree) if self._agree else None
                    hearing = _Hearing(session, call, bar, foretell)
                    yield hearing.ask
            finally:
                # Only now is all that was under way paid for.
                self.sent += session.sent
                self.spent_amount += session.spent - before

    def _bar(self, most: int) -> Any:  # noqa: ANN401 - tqdm is not typed
        off = not self._progress
        return tqdm(total=most, desc="rerank", unit="question", disable=off, file=sys.stderr)

    def _limited(self, before: int) -> SessionSettings:
        """Let this search spend its budget on top of what was spent before."""
        if self._settings.budget is None:
            return self._settings
        budget = Budget(amount=before + self._settings.budget.amount, currency=self._currency)
        return self._settings.model_copy(update={"budget": budget})

    def _foretold(
        self, most: int, agree: Callable[[Forecast], bool], asked: Sequence[Usage], free: int
    ) -> None:
        """Say what it will cost, and go on if that is agreed to."""
        budget = self._settings.budget
        told = forecast(
            asked,
            questions=max(most - free, len(asked)),
            currency=self._currency,
            budget=budget.amount if budget else None,
        )
        if not agree(told):
            raise ModelError("not re-ranked; what was answered is kept, and will not be paid again")


class _Hearing:
    """Asks questions through a session, and has the cost agreed to after the first of them."""

    def __init__(
        self,
        session: Session,
        call: Callable[[Question], SampledCall],
        bar: Any,  # noqa: ANN401 - tqdm is not typed
        foretell: Callable[[Sequence[Usage], int], None] | None,
    ) -> None:
        self._session = session
        self._call = call
        self._bar = bar
        self._foretell = foretell
        self._sampled: list[Usage] = []
        self._free = 0

    def ask(self, questions: Sequence[Question]) -> Iterator[Verdict]:
        """Give a verdict for each question, one after the other.

        Raises
        ------
        ModelError
            The server answers nothing any more, or the cost was not agreed to.
        """
        calls = [self._call(question) for question in questions]
        sampled = self._sample(calls, self._foretell) if self._foretell else {}
        rest = [call for i, call in enumerate(calls) if i not in sampled]
        others = self._verdicts(rest, [Usage() for _ in rest])
        for i in range(len(calls)):
            yield sampled[i] if i in sampled else next(others)

    def _sample(
        self, calls: Sequence[SampledCall], foretell: Callable[[Sequence[Usage], int], None]
    ) -> dict[int, Verdict]:
        """Ask the first of those that must be paid for, and have the others agreed to."""
        new = [i for i, call in enumerate(calls) if self._must_be_paid(call)]
        self._free += len(calls) - len(new)
        chosen = new[: SAMPLE - len(self._sampled)]
        usages = [Usage() for _ in chosen]
        verdicts = list(self._verdicts([calls[i] for i in chosen], usages))
        self._sampled += usages
        if len(new) > len(chosen) and self._session.halt is None:
            self._bar.clear()
            foretell(self._sampled, self._free)
            self._foretell = None
        return dict(zip(chosen, verdicts, strict=True))

    def _must_be_paid(self, call: SampledCall) -> bool:
        return self._session.store.find(call.key(self._session.settings.model)) is None

    def _verdicts(self, calls: Sequence[SampledCall], usages: Sequence[Usage]) -> Iterator[Verdict]:
        """Ask all at once, and give what is said in the order of the questions."""
        asked = [self._submit(call, use) for call, use in zip(calls, usages, strict=True)]
        for future in asked:
            verdict = self._verdict(future)
            halt = self._session.halt
            if halt is not None and not isinstance(halt, BudgetSpentError):
                raise halt
            yield verdict

    def _submit(self, call: SampledCall, usage: Usage) -> Future[int]:
        return self._session.submit(lambda asker: ask_certainty(asker, call, usage))

    def _verdict(self, future: Future[int]) -> Verdict:
        error = future.exception()
        self._bar.update()
        if error is None:
            return Verdict(float(future.result()))
        if isinstance(error, HaltedError):
            return Verdict()
        return Verdict(error=Reason.of(error).reason)


def _spent(answers: Path) -> int:
    store = AnswerStore(answers)
    try:
        return store.spent()
    finally:
        store.close()
