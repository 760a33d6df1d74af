"""The paper's table is made from small files in the layouts of the published sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skylore.classification.settings import ClassifierSettings
from sources.labelled_sets import write_galaxy10, write_galaxymnist

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory):
    """Import the benchmark, which lies beside the package."""
    if not (ROOT / "benchmarks").is_dir():
        pytest.skip("the benchmarks are not part of an installed package")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        import benchmarks.galaxalign_paper as module
    return module


@pytest.fixture(scope="module")
def plan(paper, tmp_path_factory: pytest.TempPathFactory, network: str):
    folder = tmp_path_factory.mktemp("published")
    return paper.Plan(
        sets={
            "Galaxy10 DECaLS": write_galaxy10(folder / "Galaxy10_DECals.h5", each=6, repeats=20),
            "GalaxyMNIST": write_galaxymnist(folder / "mnist", each=8),
        },
        networks=(network,),
        baselines=(),
        shares=(1, 2),
        seeds=1,
        settings=ClassifierSettings(
            head_steps=4, steps=4, batch_size=8, dimension=16, drawings=4, precision="float32"
        ),
    )


def test_the_whole_table_is_made_and_is_not_made_twice(paper, plan, tmp_path, monkeypatch) -> None:
    """All learners on GalaxyMNIST, and a baseline on Galaxy10."""
    (network,) = plan.networks
    mnist = replace(plan, sets={"GalaxyMNIST": plan.sets["GalaxyMNIST"]})
    galaxy10 = {"Galaxy10 DECaLS": plan.sets["Galaxy10 DECaLS"]}
    other = replace(plan, sets=galaxy10, networks=(), baselines=(network,))

    def run() -> pd.DataFrame:
        return pd.concat([paper.results(tmp_path, p, progress=False) for p in (mnist, other)])

    found = run()
    text = paper.layout(found)
    baseline = {paper.START, paper.CROSS_ENTROPY}
    named = {"GalaxyMNIST": {*paper.METHODS, *paper.ABLATIONS, paper.START}}
    for name, learners in {**named, "Galaxy10 DECaLS": baseline}.items():
        whole = found[(found["set"] == name) & (found["share"] == 1)]
        assert set(whole["learner"]) == learners
        assert all(f"| {name} | {network} | 1/1 | {learner} |" in text for learner in learners)
    assert set(found.loc[found["share"] == 2, "learner"]) == set(paper.OF_SHARES)
    precisions = found[["ap", "ap_at_5"]].dropna().to_numpy()
    assert ((precisions >= 0) & (precisions <= 1)).all()
    monkeypatch.setattr(paper, "train", None)  # a second call must not need it
    pd.testing.assert_frame_equal(run(), found)
    paper.plot_shares(found[found["set"] == "GalaxyMNIST"], tmp_path / "shares.png")
    assert (tmp_path / "shares.png").stat().st_size > 5000


def test_no_galaxy_is_in_two_parts(paper, plan, tmp_path) -> None:
    """The first twenty galaxies are there twice."""
    name = "Galaxy10 DECaLS"
    data = paper.open_labelled(
        name, plan.sets[name], paper.SETS[name], tmp_path, 18, progress=False
    )
    ids = [f"Galaxy10_DECals-{n}" for n in range(80)]
    place = {identifier: row for row, identifier in enumerate(sorted(ids))}
    parts = np.full(80, -1)
    for number, rows in enumerate((data.examples.training, data.examples.validation, data.tested)):
        assert len(rows)
        parts[rows.numpy()] = number
    for n in range(20):
        twins = place[f"Galaxy10_DECals-{n}"], place[f"Galaxy10_DECals-{60 + n}"]
        assert parts[twins[0]] == parts[twins[1]]
    half = data.share(2, seed=0).training.tolist()
    assert set(half) < set(data.examples.training.tolist())


def test_galaxymnist_is_tested_on_its_own_test_file(paper, plan, tmp_path) -> None:
    name = "GalaxyMNIST"
    data = paper.open_labelled(
        name, plan.sets[name], paper.SETS[name], tmp_path, 18, progress=False
    )
    assert len(data.tested) == 16
    named = {data.groups[row].split("_")[0] for row in data.tested.tolist()}
    assert named == {"test"}


def test_f1_of_one_run_is_that_of_its_answers(paper) -> None:
    rows = pd.DataFrame(
        {"object": [0, 1, 2, 3], "seed": 0, "truth": [0, 0, 1, 1], "found": [0, 1, 1, 1]}
    )
    interval = paper.bounded_f1(rows)
    assert interval.mean == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert interval.low <= interval.mean <= interval.high
