from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from skylore.archive.fill import FillOptions
from skylore.archive.table import Archive
from skylore.encoders.aion_bands import fit_cutout
from skylore.encoders.base import FluxEncoder, ImageEncoder
from skylore.encoders.registry import load_encoder
from skylore.errors import EncoderMismatchError, ImageError, ModelError
from skylore.imaging.flux import Cutout, flux_columns, read_flux
from skylore.pipeline import embed
from skylore.search.query import Query
from skylore.search.space import open_space

DES = ("DES-G", "DES-R", "DES-I", "DES-Z")
HSC = ("HSC-G", "HSC-R", "HSC-I", "HSC-Z", "HSC-Y")
QUIET = FillOptions(progress=False)


def cutout(bands=DES, side=160, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    light = (
        np.exp(-np.hypot(x, y * (1 + seed % 3)) / 12) * np.linspace(1, 4, len(bands))[:, None, None]
    )
    return Cutout((light + rng.normal(0, 0.01, light.shape)).astype(np.float32), bands)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small AION-1 in the format of the released ones: the library's classes save it."""
    aion = pytest.importorskip("aion")
    import torch
    from aion.codecs.image import ImageCodec
    from aion.modalities import LegacySurveyImage

    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("aion")
    config = {
        "domains_in": ["tok_image", "tok_image_hsc"],
        "domains_out": ["tok_image"],
        "dim": 24,
        "encoder_depth": 2,
        "decoder_depth": 1,
        "num_heads": 2,
        "norm_bias": False,
        "act_layer": "SiLU",
        "gated_mlp": True,
    }
    aion.AION(config=config).save_pretrained(place)
    codec = ImageCodec(
        quantizer_levels=[7, 5, 5, 5, 5],
        hidden_dims=16,
        multisurvey_projection_dims=12,
        num_consecutive=1,
        embedding_dim=5,
    )
    codec.save_pretrained(place, modality=LegacySurveyImage)
    return place


def load_codec(folder):
    from aion.codecs.image import ImageCodec
    from safetensors.torch import load_file

    codec = ImageCodec(**json.loads((folder / "codecs/image/config.json").read_text()))
    codec.load_state_dict(load_file(folder / "codecs/image/model.safetensors"))
    return codec.eval()


@pytest.mark.parametrize("bands", [DES, DES[:3], HSC])
def test_vectors_are_the_librarys_mean_over_tokens(folder, bands):
    import torch
    from aion import AION
    from aion.modalities import HSCImage, LegacySurveyImage

    encoder = load_encoder(f"aion:{folder}")
    assert isinstance(encoder, FluxEncoder)
    assert not isinstance(encoder, ImageEncoder)
    cutouts = [cutout(bands, seed=seed) for seed in range(3)]
    vectors = encoder.encode_flux(cutouts)
    assert vectors.shape == (3, encoder.dimension) == (3, 24)
    kind = HSCImage if bands is HSC else LegacySurveyImage
    codec = load_codec(folder)
    flux = torch.from_numpy(np.stack([c.flux for c in cutouts]))
    with torch.inference_mode():
        tokens = codec.encode(kind(flux=flux, bands=list(bands))).reshape(3, -1)
        states = AION.from_pretrained(folder).eval().encode({kind.token_key: tokens}, None, 576)
    assert states.shape == (3, 576, 24)
    expected = torch.nn.functional.normalize(states.mean(dim=1), dim=1).numpy()
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-4


def test_surveys_and_orders_of_bands_may_be_mixed_in_a_batch(folder):
    encoder = load_encoder(f"aion:{folder}")
    first, other = cutout(seed=1), cutout(HSC, seed=2)
    turned = Cutout(first.flux[::-1], first.bands[::-1])
    bare = Cutout(
        np.concatenate([first.flux, np.full((1, 160, 160), np.nan, np.float32)])[:3], DES[:3]
    )
    unseen = Cutout(np.concatenate([bare.flux, np.full((1, 160, 160), np.nan)]), DES)
    together = encoder.encode_flux([first, other, turned, bare, unseen])
    alone = np.concatenate([encoder.encode_flux([c]) for c in (first, other)])
    np.testing.assert_allclose(together[:2], alone, atol=1e-5)
    np.testing.assert_allclose(together[2], together[0], atol=1e-5)
    np.testing.assert_allclose(together[4], together[3], atol=1e-5)
    assert encoder.encode_flux([]).shape == (0, 24)


def test_an_archive_of_flux_is_embedded_and_searched_by_example(folder, tmp_path):
    archive = Archive.create(tmp_path / "a.skylore")
    cutouts = [cutout(seed=seed) for seed in range(5)]
    cutouts[3] = Cutout(cutouts[3].flux, ("u", *DES[1:]))
    flux = flux_columns([*cutouts, None])
    archive.add_columns(list(flux.schema))
    archive.append(flux.append_column("id", pa.array([f"g{i}" for i in range(6)])))
    [report] = embed(archive, QUIET, encoder=f"aion:{folder}")
    assert (report.done, report.failed, report.waiting) == (4, 1, 1)
    [bad] = archive.quarantine.read("embed").to_pylist()
    assert bad["id"] == "g3"
    assert "DES-G" in str(bad)
    vectors = np.asarray(archive.read(["image_vector"])["image_vector"][0].values, np.float32)
    expected = load_encoder(f"aion:{folder}").encode_flux(cutouts[:1])[0]
    np.testing.assert_allclose(vectors, expected, atol=1e-3)
    assert [hit.id for hit in archive.answer(Query.build(like="g0", k=1))] != ["g0"]
    space = open_space(archive, Query())
    with pytest.raises(EncoderMismatchError, match="flux"):
        _ = space.image_encoder


def test_flux_returns_from_a_table_as_it_went_in():
    cutouts = [cutout(side=11), None, cutout(HSC, side=9, seed=2)]
    cutouts[0].flux[0, 0, 0] = np.nan
    back = read_flux(flux_columns(cutouts).slice(0, 3))
    assert back[1] is None
    for before, after in zip(cutouts[::2], back[::2], strict=True):
        np.testing.assert_array_equal(before.flux, after.flux)
        assert before.bands == after.bands
    sliced = read_flux(flux_columns(cutouts).slice(2))
    np.testing.assert_array_equal(sliced[0].flux, cutouts[2].flux)


@pytest.mark.parametrize("side", [96, 159, 160, 161, 200])
def test_cutouts_are_cut_or_padded_about_their_middle(side):
    given = cutout(side=side)
    fitted = fit_cutout(given)
    assert fitted.flux.shape == (4, 160, 160)
    low, start = (160 - 96) // 2, (side - 96) // 2
    offset = (160 - min(side, 160)) // 2 - (side - min(side, 160)) // 2
    inner = fitted.flux[:, low : low + 96, low : low + 96]
    shift = low - offset
    np.testing.assert_array_equal(inner, given.flux[:, shift : shift + 96, shift : shift + 96])
    assert abs(shift - start) <= 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (cutout(("g", "r", "i", "z")), "it knows DES-G"),
        (cutout(("DES-G", "HSC-R")), "one survey at a time"),
        (cutout(side=95), "larger cutouts"),
        (Cutout(np.full((4, 160, 160), np.nan, np.float32), DES), "finite"),
    ],
)
def test_what_cannot_be_encoded_says_why(given, message):
    with pytest.raises(ImageError, match=message):
        fit_cutout(given)


def test_weights_that_lack_something_are_refused(folder, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    place = tmp_path / "short"
    shutil.copytree(folder, place)
    weights = load_file(place / "model.safetensors")
    del weights["encoder.0.attn.qkv.weight"]
    save_file(weights, place / "model.safetensors")
    with pytest.raises(ModelError, match=r"lacks 1 weights.*encoder\.0"):
        load_encoder(f"aion:{place}")
    (place / "config.json").write_text(json.dumps({}))
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(f"aion:{place}")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(f"aion:{tmp_path / 'nothing'}")
