from __future__ import annotations

import pytest
import torch

from morphology.shapes import SMALL
from morphology.training_runs import changed, ignore, run_of, trained
from newcomer import run
from skylore.errors import ModelError
from skylore.morphology.encoder_model import EncoderModel
from skylore.morphology.labels import FigureLabels
from skylore.morphology.network import NetworkConfig
from skylore.morphology.service import pretrain_encoder


@pytest.fixture
def first(archive, tmp_path):
    trained(archive, tmp_path / "first", changed(seed=3))
    return tmp_path / "first"


def parameters(folder):
    network = EncoderModel.load(folder).network
    return {name: tensor.detach() for name, tensor in network.named_parameters()}


def test_a_network_of_rate_nought_is_kept_and_only_heads_learn(archive, first, tmp_path):
    labels = (FigureLabels(columns=("elongation",)),)
    settings = changed(labels=labels, start=f"model:{first}", start_rate=0.0, network=SMALL)
    report = pretrain_encoder(archive, tmp_path / "next", settings, progress=False)
    before, after = parameters(first), parameters(tmp_path / "next")
    assert before.keys() == after.keys()
    for name in before:
        assert torch.equal(before[name], after[name]), name
    assert set(report.labelled) == {"figures"}


def test_training_goes_on_from_the_weights_that_are_there(archive, first, tmp_path):
    begun = run_of(archive, tmp_path, changed(start=f"model:{first}"))
    for model in (begun.model, begun.averaged):
        for name, tensor in model.network.named_parameters():
            assert torch.equal(tensor, parameters(first)[name]), name
    begun.go(ignore)
    moved = [
        not torch.equal(tensor, parameters(first)[name])
        for name, tensor in begun.model.network.named_parameters()
    ]
    assert all(moved)


def test_the_network_learns_at_its_share_of_the_rate(archive, first, tmp_path):
    begun = run_of(archive, tmp_path, changed(start=f"model:{first}", start_rate=0.25))
    begun.go(ignore)
    groups = begun.optimiser.param_groups
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    network = {rates[id(p)] for p in begun.model.network.parameters()}
    heads = {rates[id(p)] for p in begun.model.heads.parameters()}
    assert len(network) == len(heads) == 1
    assert network.pop() == pytest.approx(0.25 * heads.pop())


def test_sizes_are_taken_over_and_others_refused(archive, first, tmp_path):
    taken = changed(start=f"model:{first}", network=NetworkConfig(), steps=2)
    pretrain_encoder(archive, tmp_path / "taken", taken, progress=False)
    assert EncoderModel.load(tmp_path / "taken").config.network == SMALL
    other = taken.model_copy(update={"network": NetworkConfig(width=5)})
    with pytest.raises(ModelError, match="16 pixels and width 4"):
        pretrain_encoder(archive, tmp_path / "other", other, progress=False)


@pytest.mark.parametrize("start", ["scattering", "model:nowhere"])
def test_training_starts_from_trained_encoders_only(archive, tmp_path, start):
    with pytest.raises(ModelError, match="skylore pretrain"):
        trained(archive, tmp_path / "m", changed(start=start, network=NetworkConfig()))
    assert not (tmp_path / "m").exists()


def test_the_command_trains_an_encoder_on(archive, first, tmp_path):
    asked = ["--from", f"model:{first}", "--classes", "shape", "--steps", 2, "--batch-size", 8]
    done = run("pretrain", archive.location, "--model", tmp_path / "next", *asked)
    assert done.returncode == 0, done.stderr
    assert EncoderModel.load(tmp_path / "next").network.config == SMALL
    wider = run("pretrain", archive.location, "--model", tmp_path / "w", *asked, "--width", 9)
    assert wider.returncode == 6
    assert "keeps its sizes" in wider.stderr
