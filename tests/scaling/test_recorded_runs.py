from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from skylore.archive.fill import FillOptions
from skylore.archive.provenance import Provenance
from skylore.archive.step import Apply, Values
from skylore.archive.table import Archive
from skylore.errors import ArchiveError, ModelError
from skylore.scaling.account import equation
from skylore.scaling.experiments.manifest import plan_runs
from skylore.scaling.experiments.settings import EncoderExperiment, Grid
from skylore.scaling.laws import BrokenLaw, JointLaw
from skylore.scaling.plotting_models import plot_models
from skylore.scaling.service import draw_runs, fit_runs
from skylore.scaling.verdict import Asked

TRUTH = JointLaw(0.5, 20.0, 0.5, 6.0, 0.4)
SIZES = (250, 500, 1000, 2000, 4000)


@dataclass(frozen=True)
class KnownLaw:
    """Records what a law says, with a little noise, as a training run would."""

    floor: float | None = None
    scatter: float = 0.005
    bad: tuple[int, ...] = ()
    batch_rows: int = 1
    processes: bool = False
    name: str = "train"
    inputs: tuple[str, ...] = ("data", "width", "seed")

    @property
    def outputs(self) -> pa.Schema:
        names = ("loss", "parameters", "loss_floor")
        kinds = (pa.float64(), pa.int64(), pa.float64())
        return pa.schema(list(zip(names, kinds, strict=True)))

    @property
    def provenance(self) -> Provenance:
        return Provenance(step=self.name)

    def prepare(self) -> Apply:
        return self._apply

    def _apply(self, batch: pa.Table) -> Values:
        (row,) = batch.select(self.inputs).to_pylist()
        if row["data"] in self.bad:
            raise ValueError("diverged")
        chance = np.random.default_rng([row["data"], row["width"], row["seed"]])
        parameters = 100 * row["width"] ** 2
        loss = float(TRUTH(row["data"], parameters)) * np.exp(self.scatter * chance.normal())
        told = {"loss": [loss], "parameters": [parameters], "loss_floor": [self.floor]}
        return Values(pa.table(told, schema=self.outputs))


def recorded(
    folder: Path,
    step: KnownLaw | None,
    sizes: tuple[int, ...] = SIZES,
    widths: tuple[int, ...] = (4, 8, 16),
) -> Archive:
    source = Archive.create(folder / "source")
    experiment = EncoderExperiment(task="classification", label="kind")
    grid = Grid(sizes=sizes, widths=widths, seeds=3)
    runs = plan_runs(Archive.create(folder / "runs").location, experiment, source, grid)
    if step is not None:
        runs.fill(step, FillOptions(progress=False))
    return runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return recorded(tmp_path_factory.mktemp("known"), KnownLaw())


def test_each_model_and_all_of_them_get_a_law(runs: Archive) -> None:
    account = fit_runs(runs, Asked(confidence=0.999))
    assert [law.width for law in account.laws] == [4, 8, 16, None]
    assert (account.finished, account.planned, account.failed) == (45, 45, 0)
    for law in account.laws:
        low, high = law.intervals["beta"].low, law.intervals["beta"].high
        assert low <= 0.4 <= high, law.title
        ((size, ahead),) = law.ahead.items()
        assert size == 16_000
        assert ahead.estimate == pytest.approx(float(TRUTH(size, law.parameters)), rel=0.04)
        assert ahead.low < ahead.estimate < ahead.high
    assert account.laws[-1].parameters == 100 * 16**2
    assert "alpha" in account.laws[-1].intervals


def test_what_labels_buy_and_cost(runs: Archive) -> None:
    asked = Asked(law="floor", more=10_000, cost_per_label=0.02, width=16)
    (law,) = fit_runs(runs, asked).laws
    assert law.advice is not None
    truth = TRUTH(4000, 25_600) - TRUTH(14_000, 25_600)
    assert law.advice.gain.low <= truth <= law.advice.gain.high
    assert law.advice.cost == 200
    assert law.advice.now == 4000
    earlier = fit_runs(runs, Asked(law="floor", now=1000, width=16)).laws[0].advice
    assert earlier is not None
    assert earlier.gain.estimate > law.advice.gain.estimate


def test_text_and_json_say_the_same(runs: Archive) -> None:
    account = fit_runs(runs, Asked(cost_per_label=0.02))
    told = json.loads(json.dumps(account.to_dict(), allow_nan=False))
    text = str(account)
    assert text.startswith("classification of kind: 45 of 45 runs finished.")
    for law in told["laws"]:
        beta = law["intervals"]["beta"]
        assert f"β = {beta['estimate']:.4g} [{beta['low']:.4g}, {beta['high']:.4g}]" in text
        assert law["advice"]["text"] in text
        assert law["ahead"][0]["data"] == 16_000
    assert set(told["laws"][0]["rmsle"]) == {"power", "floor", "joint", "broken", "last value"}
    assert told["laws"][-1]["law"]["alpha"] > 0


def test_oracle_bounds_the_floor(tmp_path: Path) -> None:
    free = fit_runs(recorded(tmp_path / "a", KnownLaw(scatter=0.03)), Asked(law="floor", width=16))
    held = recorded(tmp_path / "b", KnownLaw(scatter=0.03, floor=0.55))
    bounded = fit_runs(held, Asked(law="floor", width=16))
    assert (free.floor, bounded.floor) == (None, 0.55)
    assert free.laws[0].intervals["E"].low < 0.55
    assert bounded.laws[0].intervals["E"].low >= 0.55
    assert "no model can go below 0.55" in str(bounded)


def test_broken_law_has_no_intervals_and_says_so(tmp_path: Path) -> None:
    sizes = tuple(125 * 2**k for k in range(7))
    runs = recorded(tmp_path, KnownLaw(), sizes=sizes, widths=(8,))
    (law,) = fit_runs(runs, Asked(law="broken")).laws
    assert isinstance(law.fit.law, BrokenLaw)
    assert (law.intervals, law.advice) == ({}, None)
    assert "too many unknowns" in str(law)
    assert equation(law.fit.law) in str(law)
    draw_runs(fit_runs(runs, Asked(law="broken")), tmp_path / "law.png")


def test_runs_that_do_not_improve_are_told_apart(tmp_path: Path) -> None:
    runs = recorded(tmp_path, KnownLaw(scatter=0.5), sizes=(1000, 1100, 1200, 1300), widths=(8,))
    (law,) = fit_runs(runs).laws
    assert law.remark is not None
    assert "do not show that more data helps" in str(law)


def test_unfinished_experiment_is_counted(tmp_path: Path) -> None:
    runs = recorded(tmp_path, KnownLaw(bad=(4000,)))
    account = fit_runs(runs, Asked(law="floor"))
    assert (account.finished, account.planned, account.failed) == (36, 45, 9)
    assert "36 of 45 runs finished, 9 failed" in str(account)
    assert next(iter(account.laws[0].ahead)) == 8000


def test_models_with_too_few_runs_are_named(tmp_path: Path) -> None:
    runs = recorded(tmp_path, KnownLaw(), widths=(8,))
    fewer = recorded(tmp_path / "few", KnownLaw(), sizes=(250, 500))
    with pytest.raises(ModelError, match=r"width 4: .*width 16: "):
        fit_runs(fewer)
    with pytest.raises(ModelError, match="3 sizes or more"):
        fit_runs(runs, Asked(law="joint"))


def test_figure_of_all_models_or_of_one(runs: Archive, tmp_path: Path) -> None:
    sizes = []
    for asked in (Asked(), Asked(width=8)):
        file = tmp_path / f"{len(sizes)}.png"
        draw_runs(fit_runs(runs, asked), file)
        with Image.open(file) as drawn:
            sizes.append(drawn.size)
    assert sizes[0][0] < sizes[1][0] == 2 * 5.4 * 200
    with pytest.raises(ModelError, match="cannot draw into"):
        draw_runs(fit_runs(runs), tmp_path / "law.nonsense")
    with pytest.raises(ModelError, match="a surface"):
        draw_runs(fit_runs(runs, Asked(law="joint")), tmp_path / "law.png")


def test_models_are_drawn_with_their_runs(runs: Archive) -> None:
    account = fit_runs(runs, Asked(law="floor"))
    figure = plot_models({law.title: law.fit for law in account.laws}, floor=0.5)
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [law.title for law in account.laws]
    points = [c for c in axes.collections if len(c.get_offsets()) == 15]
    assert len(points) == 3
    assert axes.get_xlim()[1] >= 4 * 4000
    with pytest.raises(ModelError, match="not 5"):
        plot_models({str(i): account.laws[0].fit for i in range(5)})


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(law="magic"), "no law is called 'magic'"),
        (Asked(width=5), "no finished run has the width 5"),
        (Asked(law="joint", width=8), "leave the width out"),
        (Asked(more=-1), "more is -1"),
        (Asked(confidence=2.0), "not between 0 and 1"),
    ],
)
def test_what_cannot_be_asked(runs: Archive, asked: Asked, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        fit_runs(runs, asked)


def test_archives_without_finished_runs(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="none of the 45 runs"):
        fit_runs(recorded(tmp_path / "planned", None))
    with pytest.raises(ModelError, match="9 failed"):
        fit_runs(recorded(tmp_path / "bad", KnownLaw(bad=(250,)), sizes=(250,)))
    with pytest.raises(ArchiveError, match="holds no training runs"):
        fit_runs(Archive.create(tmp_path / "objects"))
