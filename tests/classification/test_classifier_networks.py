"""Networks of the hub and of timm are tuned layer by layer, and go on where they were cut off."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from encoders.hub_models import SMALL, save, save_clip, save_dino
from skylore.classification import run
from skylore.classification.evaluate import evaluate_classifier
from skylore.classification.networks import load_trainable, make_network
from skylore.classification.rates import rates_of
from skylore.classification.run import ClassifierRun
from skylore.classification.service import fit_classifier
from skylore.classification.trimodal import TriModalNetwork
from skylore.encoders.convnext import ConvNeXt
from skylore.encoders.registry import load_image_encoder
from skylore.errors import ModelError


def save_zoobot(folder):
    """Save a ConvNeXt of a few channels as timm has Zoobot's on the hub."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    weights = ConvNeXt((8, 12, 16, 24), (1, 1, 2, 1)).state_dict()
    save_file(weights, folder / "model.safetensors")
    settings = {"input_size": [3, 32, 32], "mean": [0.1, 0.1, 0.1], "std": [0.2, 0.2, 0.2]}
    config = {"architecture": "convnext_nano", "pretrained_cfg": settings}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def save_network(folder, kind: str) -> str:
    """Save a vision network of a few layers as the hub has it."""
    import transformers as hub

    if kind == "clip":
        return f"hf:{save_clip(folder)}"
    if kind == "zoobot":
        return f"timm:local-dir:{save_zoobot(folder)}"
    if kind in {"dinov2-registers", "dinov3", "dinov3-convnext"}:
        return f"hf:{save_dino(folder, kind)}"
    save_dino(folder, "dinov2-registers")  # for its preprocessor_config.json
    tower = {**SMALL, "intermediate_size": 32, "image_size": 32, "patch_size": 8}
    made = {
        "vit": lambda: hub.ViTModel(hub.ViTConfig(**tower)),
        "mae": lambda: hub.ViTMAEModel(hub.ViTMAEConfig(**tower)),
        "msn": lambda: hub.ViTMSNModel(hub.ViTMSNConfig(**tower)),
        "convnext": lambda: hub.ConvNextModel(
            hub.ConvNextConfig(hidden_sizes=[8, 8, 16, 24], depths=[1, 1, 2, 1], image_size=32)
        ),
        "resnet": lambda: hub.ResNetModel(
            hub.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2])
        ),
    }
    save(made[kind](), folder)
    return f"hf:{folder}"


@pytest.mark.parametrize(
    "kind",
    [
        *("clip", "vit", "mae", "msn", "convnext", "resnet", "dinov2-registers"),
        *("dinov3-convnext", "zoobot"),
    ],
)
def test_each_layer_of_a_network_learns_slower_towards_the_input(quick, tmp_path, kind) -> None:
    pytest.importorskip("transformers")
    network = load_trainable(save_network(tmp_path / kind, kind))
    settings = quick.model_copy(update={"layer_decay": 0.5, "network_rate": 1.0})
    layers = network.layers()
    assert len(layers) >= 3
    listed = [id(p) for layer in layers for p in layer]
    assert len(listed) == len(set(listed))
    side = network.view.canvas
    network([torch.rand(2, 3, side, side)]).square().sum().backward()
    moved = {id(p) for p in network.parameters() if p.grad is not None and p.grad.any()}
    assert moved <= set(listed), "a parameter that learns has no rate"
    model = TriModalNetwork(network, torch.eye(2, 8), settings)
    rate = {id(p): group["rate"] for group in rates_of(model) for p in group["params"]}
    rates = [{rate[id(p)] for p in layer} for layer in reversed(layers)]
    assert rates == [{0.5**depth} for depth in range(len(layers))]
    input_layers = ("embed", "stem", "stages.0")
    first = next(
        p
        for name, p in network.named_parameters()
        if id(p) in moved and any(part in name for part in input_layers)
    )
    assert rate[id(first)] == min(rate[i] for i in listed)


@pytest.mark.parametrize("kind", ["mae", "clip"])
def test_features_depend_on_all_of_the_image_and_on_nothing_else(tmp_path, kind) -> None:
    """A masked autoencoder would hide three patches of four, others each time."""
    pytest.importorskip("transformers")
    network = load_trainable(save_network(tmp_path / kind, kind)).eval()
    pixels = torch.rand(1, 3, 32, 32, requires_grad=True)
    features = network([pixels])
    assert torch.equal(network([pixels]), features)
    features.square().sum().backward()
    patches = pixels.grad.abs().amax(dim=1).reshape(4, 8, 4, 8).amax(dim=(1, 3))
    assert (patches > 0).all()
    assert not any("text" in name for name, _ in network.named_parameters())
    again = make_network(network.description)
    again.load_state_dict(network.state_dict())
    torch.testing.assert_close(again.eval()([pixels]), features)


def test_encoders_of_the_same_process_are_not_trained_along(shapes, quick, tmp_path) -> None:
    pytest.importorskip("transformers")
    name = save_network(tmp_path / "clip", "clip")
    encoder = load_image_encoder(name)
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3)).astype(np.uint8)
    before, said = encoder.encode([image]), encoder.text_encoder.encode(["a bar"])
    settings = quick.model_copy(update={"network": name, "steps": 3, "drawings": 2})
    for attempt in ("a", "b"):
        fit_classifier(shapes, "known", tmp_path / attempt, settings, progress=False)
    np.testing.assert_array_equal(encoder.encode([image]), before)
    np.testing.assert_array_equal(encoder.text_encoder.encode(["a bar"]), said)
    first, second = (tmp_path / n / "model.safetensors" for n in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("kind", ["vit", "convnext", "zoobot"])
def test_a_hub_network_goes_on_as_if_it_had_not_been_cut_off(shapes, quick, tmp_path, kind) -> None:
    pytest.importorskip("transformers")
    network = save_network(tmp_path / kind, kind)
    update = {"network": network, "steps": 6, "accumulate": 2, "precision": "bfloat16"}
    settings = quick.model_copy(update={**update, "batch_size": 4, "drawings": 2})
    fit_classifier(shapes, "known", tmp_path / "whole", settings, progress=False)
    step = ClassifierRun._step

    def dies(self):
        if self.step == 4:
            raise KeyboardInterrupt
        return step(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_CHECKPOINT_STEPS", 2)
        patch.setattr(ClassifierRun, "_step", dies)
        with pytest.raises(KeyboardInterrupt):
            fit_classifier(shapes, "known", tmp_path / "cut", settings, progress=False)
    fit_classifier(shapes, "known", tmp_path / "cut", settings, progress=False)
    whole, cut = (tmp_path / n / "model.safetensors" for n in ("whole", "cut"))
    assert whole.read_bytes() == cut.read_bytes()
    report = evaluate_classifier(shapes, "shape", tmp_path / "cut", resamples=20, progress=False)
    assert report.objects == 32


def test_other_models_of_timm_are_refused(tmp_path) -> None:
    folder = save_zoobot(tmp_path / "z")
    (folder / "config.json").write_text(json.dumps({"architecture": "maxvit_tiny_224"}))
    for name in (f"timm:local-dir:{folder}", "timm:convnext_nano.in12k"):
        with pytest.raises(ModelError, match="cannot be trained on: of timm's models"):
            load_trainable(name)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_trainable(f"timm:local-dir:{tmp_path / 'none'}")
