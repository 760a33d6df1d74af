"""What every training promises, on one that takes no time: a mean is learnt from noisy draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from skylore.errors import ModelError
from skylore.training.judged import JudgedRun
from skylore.training.plan import Plan


@dataclass(frozen=True)
class Settings:
    learning_rate: float = 0.05
    warmup: float = 0.1
    averaging: float = 0.9
    precision: str = "float32"
    digest: str = "these"


class MeanRun(JudgedRun):
    """Held-out losses are given, so that what they decide can be told."""

    judged = "mean"

    def __init__(self, plan: Plan, nats: Callable[[int], float] = lambda step: -step) -> None:
        torch.manual_seed(0)
        super().__init__(plan, nn.Linear(1, 1))
        self.nats = nats

    def _groups(self):
        return [{"params": [self.model.weight], "rate": 0.5}, {"params": [self.model.bias]}]

    def _loss(self) -> Tensor:
        drawn = torch.randn(8, 1)
        return (self.model(drawn) - 3).square().mean()

    def _measure(self):
        return {"mean": {"nats": self.nats(self.step)}}


PLAN = Plan(
    settings=Settings(),
    data="those",
    checkpoint=None,
    seed=1,
    steps=40,
    evaluate_every=4,
    keep_every=3,
    gradient_clip=10.0,
    patience=3,
)


class StoppedError(Exception):
    pass


def ignore(step: int, loss: float) -> None:
    """Show no progress."""


def stop_at(step: int) -> Callable[[int, float], None]:
    def stop(done: int, loss: float) -> None:
        if done == step:
            raise StoppedError

    return stop


def state(run: MeanRun) -> list[Tensor]:
    return [t for m in (run.model, run.averaged, run.best) for t in m.state_dict().values()]


@pytest.mark.parametrize("stop", [2, 3, 17])
def test_a_stopped_run_ends_as_if_it_had_not_been(tmp_path: Path, stop: int) -> None:
    whole = MeanRun(PLAN)
    whole.go(ignore)
    assert whole.step == 40
    kept = replace(PLAN, checkpoint=tmp_path / "c")
    with pytest.raises(StoppedError):
        MeanRun(kept).go(stop_at(stop))
    resumed, told = MeanRun(kept), []
    resumed.go(lambda step, loss: told.append(step))
    assert told[0] <= stop
    assert resumed.history == whole.history
    assert all(map(torch.equal, state(whole), state(resumed)))


def test_it_ends_once_patience_has_run_out_and_gives_the_best_weights() -> None:
    def valley(step: int) -> float:
        return abs(step - 12)

    run, at_best = MeanRun(PLAN, valley), MeanRun(replace(PLAN, patience=None), valley)
    run.go(ignore)
    assert run.step == 12 + 3 * PLAN.evaluate_every
    with pytest.raises(StoppedError):
        at_best.go(stop_at(13))
    assert torch.equal(run.best.bias, at_best.best.bias)
    assert not torch.equal(run.best.bias, run.averaged.bias)


def test_without_patience_the_last_weights_are_the_best() -> None:
    run = MeanRun(replace(PLAN, patience=None), float)
    run.go(ignore)
    assert run.step == 40
    assert torch.equal(run.best.bias, run.averaged.bias)


def test_rates_follow_their_shares_and_do_not_fall_below_the_lowest() -> None:
    seen: list[list[float]] = []
    run = MeanRun(replace(PLAN, lowest_rate=0.2))
    run.go(lambda step, loss: seen.append([g["lr"] for g in run.optimiser.param_groups]))
    assert all(half == pytest.approx(full / 2) for half, full in seen)
    assert max(full for _, full in seen) == pytest.approx(0.05)
    assert seen[-1][1] == pytest.approx(0.2 * 0.05)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"settings": Settings(digest="others")}, "other settings"),
        ({"data": "others"}, "other objects or labels"),
    ],
)
def test_a_run_goes_on_with_its_own_alone(tmp_path: Path, other: dict, message: str) -> None:
    kept = replace(PLAN, checkpoint=tmp_path / "c")
    MeanRun(kept).go(ignore)
    with pytest.raises(ModelError, match=message):
        MeanRun(replace(kept, **other)).go(ignore)


def test_a_loss_that_is_not_finite_says_what_to_do() -> None:
    run = MeanRun(PLAN)
    with torch.no_grad():
        run.model.bias.fill_(math.inf)
    with pytest.raises(ModelError, match="at step 0; lower the learning rate"):
        run.go(ignore)
