"""Symbols show what they stand for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from typer.testing import CliRunner

from skylore.cli.app import app
from skylore.errors import ModelError
from skylore.morphology.tree import load_tree, shipped_trees
from skylore.symbols.drawing import draw
from skylore.symbols.library import load_symbols
from skylore.symbols.sheet import _lines
from skylore.symbols.symbol import Family, Symbol
from skylore.symbols.words import family_of_answer, family_of_words

SIZE = 96


def spread(pixels, angle: float = 0.0) -> tuple[float, float]:
    """Standard deviations along and across a direction, of the drawn light."""
    light = pixels[..., 0].astype(float)
    up, across = np.mgrid[: light.shape[0], : light.shape[1]] - (light.shape[0] - 1) / 2
    turn = np.radians(angle)
    along = across * np.cos(turn) - up * np.sin(turn)
    aside = across * np.sin(turn) + up * np.cos(turn)
    total = light.sum()
    return tuple(float(np.sqrt((light * x**2).sum() / total)) for x in (along, aside))


@given(ratio=st.floats(0.25, 1.0), angle=st.floats(0, 360), mirrored=st.booleans())
def test_a_filled_body_has_its_axis_ratio_and_angle(ratio, angle, mirrored) -> None:
    drawn = draw(Symbol(axis_ratio=ratio, shading=1.0, angle=angle, mirrored=mirrored), SIZE)
    along, aside = spread(drawn, angle)
    assert aside / along == pytest.approx(ratio, abs=0.05)


@given(arms=st.integers(1, 5), pitch=st.floats(15, 35))
def test_it_has_as_many_arms_as_it_should(arms, pitch) -> None:
    """Around a circle half-way out, light comes and goes as often as there are arms."""
    drawn = draw(Symbol(arms=arms, pitch=pitch, bulge=0.1), 192)[..., 0].astype(float)
    around = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    radius = 0.55 * 0.86 * 96
    across, up = 95.5 + radius * np.cos(around), 95.5 - radius * np.sin(around)
    light = drawn[up.round().astype(int), across.round().astype(int)]
    power = np.abs(np.fft.rfft(light - light.mean()))
    assert int(power[1:9].argmax()) + 1 == arms


def test_arms_wind_outwards_against_the_clock_unless_mirrored() -> None:
    """A galaxy that looks like a Z: its arms trail, so it turns clockwise (Galaxy Zoo 1)."""

    def first_turn(symbol: Symbol) -> float:
        light = draw(symbol, 192)[..., 0].astype(float)
        up, across = np.mgrid[:192, :192] - 95.5
        radius, angle = np.hypot(up, across) / (0.86 * 96), np.arctan2(-up, across)

        def place(low: float, high: float) -> float:
            seen = (radius > low) & (radius < high)
            return float(np.angle((light * np.exp(1j * angle))[seen].sum()))

        return float(np.angle(np.exp(1j * (place(0.6, 0.65) - place(0.4, 0.45)))))

    assert first_turn(Symbol(arms=1, pitch=20)) > 0.5
    assert first_turn(Symbol(arms=1, pitch=20, mirrored=True)) < -0.5


def test_tighter_arms_are_longer() -> None:
    lights = [draw(Symbol(arms=2, pitch=pitch), SIZE).sum() for pitch in (10, 20, 35)]
    assert lights == sorted(lights, reverse=True)


@pytest.mark.parametrize(
    "figures",
    [
        {"axis_ratio": 0.07, "bulge": 0.3},
        {"axis_ratio": 0.07, "bulge": 0.3, "boxiness": 1.0},
        {"bar": 0.5},
        {"ring": 0.7},
        {"companions": 1},
        {"tails": 2},
        {"arcs": 2},
        {"clumps": 6},
        {"lopsidedness": 0.4},
        {"spikes": 4},
        {"shading": 1.0, "axis_ratio": 0.5, "lane": 0.06},
    ],
)
def test_each_figure_alters_the_drawing_and_stays_in_the_frame(figures) -> None:
    drawn = draw(Symbol(**figures), SIZE)
    assert drawn.shape == (SIZE, SIZE, 3)
    assert drawn.dtype == np.uint8
    for name in figures:
        without = {other: value for other, value in figures.items() if other != name}
        assert not np.array_equal(drawn, draw(Symbol(**without), SIZE))
    border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    assert not border.any()


def test_light_falls_outwards_without_rings() -> None:
    """From the centre along each half-axis no shade is brighter than one further in."""
    for figures in ({"shading": 1.0}, {"shading": 0.0}, {"shading": 0.7, "bulge": 0.35}):
        light = draw(Symbol(**figures), 192)[96, 96:, 0].astype(int)
        assert (np.diff(light) <= 0).all()
        assert -np.diff(light)[light[:-1] > 110].min(initial=0) < 40


@pytest.mark.parametrize("words", ["merger", "disturbed", "irregular", "ring", "edge-on"])
def test_what_is_drawn_fills_the_frame(words) -> None:
    for seed in range(6):
        light = draw(family_of_words(words).sample(np.random.default_rng(seed)), SIZE)[..., 0] > 20
        up, across = np.nonzero(light)
        assert max(np.ptp(up), np.ptp(across)) > 0.55 * SIZE


def test_irregular_outlines_differ_and_equal_chances_do_not() -> None:
    lumpy = {"lopsidedness": 0.4, "clumps": 5, "shading": 0.4}
    first, same, other = (draw(Symbol(**lumpy, chance=c), SIZE) for c in (0.2, 0.2, 0.7))
    assert np.array_equal(first, same)
    assert (first != other).mean() > 0.1


@pytest.mark.parametrize(
    ("name", "figure", "low", "high"),
    [
        ("E5", "axis_ratio", 0.46, 0.54),
        ("E", "shading", 1, 1),
        ("S0", "bulge", 0.3, 0.4),
        ("Sbc", "bar", 0, 0),
        ("SBc", "bar", 0.4, 0.5),
        ("SAB(rs)bc", "bar", 0.3, 0.4),
        ("SBcd", "arms", 2, 2),
        ("(R)SBa", "ring", 0.8, 1),
        ("Im", "clumps", 5, 8),
    ],
)
def test_hubble_types_are_read_as_astronomers_write_them(name, figure, low, high) -> None:
    for seed in range(10):
        symbol = family_of_words(name).sample(np.random.default_rng(seed))
        assert low <= getattr(symbol, figure) <= high


def test_arms_open_and_bulges_shrink_along_the_hubble_sequence() -> None:
    drawn = [family_of_words(f"S{stage}").typical() for stage in ("a", "ab", "b", "bc", "c", "cd")]
    assert [s.pitch for s in drawn] == sorted(s.pitch for s in drawn)
    assert [-s.bulge for s in drawn] == sorted(-s.bulge for s in drawn)


@pytest.mark.parametrize("words", ["no lens", "not a merger", "no_ring", "non-barred", "no star"])
def test_what_is_denied_is_not_drawn(words) -> None:
    symbol = family_of_words(words).typical()
    assert not any((symbol.arcs, symbol.companions, symbol.ring, symbol.bar, symbol.spikes))


def test_a_family_draws_within_its_bounds() -> None:
    family = Family(figures={"arms": (2, 4), "pitch": (10, 12), "bar": 0.4})
    members = [family.sample(np.random.default_rng(seed)) for seed in range(60)]
    assert {member.arms for member in members} == {2, 3, 4}
    assert all(10 <= member.pitch <= 12 and member.bar == 0.4 for member in members)
    assert len({member.angle for member in members}) == 60
    assert {member.mirrored for member in members} == {False, True}
    with pytest.raises(ValidationError, match="lower bound"):
        Family(figures={"pitch": (12, 10)})
    with pytest.raises(ValidationError):
        Family(figures={"number_of_arms": 2})


@pytest.mark.parametrize(
    ("words", "figure", "low", "high"),
    [
        ("Unbarred Tight Spiral", "bar", 0, 0),
        ("Unbarred Tight Spiral", "pitch", 4, 13),
        ("barred_spiral", "bar", 0.3, 0.6),
        ("no bar", "bar", 0, 0),
        ("Edge-on without Bulge", "bulge", 0, 0),
        ("Edge-on with Bulge", "bulge", 0.2, 0.4),
        ("edge-on", "axis_ratio", 0, 0.16),
        ("face-on-spiral", "axis_ratio", 0.8, 1),
        ("In-between Round Smooth", "axis_ratio", 0.5, 0.75),
        ("spiral-anticlockwise", "mirrored", 1, 1),
        ("spiral-clockwise", "mirrored", 0, 0),
        ("merger", "companions", 1, 1),
        ("ring", "ring", 0.5, 0.9),
        ("gravitational lens", "arcs", 1, 2),
    ],
)
def test_words_say_what_to_draw(words, figure, low, high) -> None:
    for seed in range(10):
        symbol = family_of_words(words).sample(np.random.default_rng(seed))
        assert low <= getattr(symbol, figure) <= high


def test_words_that_say_nothing_are_refused() -> None:
    with pytest.raises(ModelError, match="no symbol is known for 'unsure'"):
        family_of_words("unsure")
    with pytest.raises(ModelError, match="did you mean 'spiral'"):
        family_of_words("spirall")
    with pytest.raises(ModelError, match="no symbols are known for 'unsure', 'other'"):
        load_symbols("words", ["ring", "unsure", "other"])


@pytest.mark.parametrize("name", shipped_trees())
def test_every_answer_of_the_trees_can_be_drawn(name) -> None:
    symbols = load_symbols(f"tree:{name}")
    assert symbols.classes == load_tree(name).columns
    rng = np.random.default_rng(0)
    for answer in symbols.classes:
        assert symbols.sample(answer, rng, 48).any()


def test_an_answer_says_what_the_answers_above_it_say() -> None:
    loose = family_of_answer(load_tree("gz2"), "t10_arms_winding", "a30_loose").typical()
    assert loose.arms >= 2
    assert loose.pitch > 25
    boxy = family_of_answer(load_tree("gz-decals"), "edge-on-bulge", "boxy").typical()
    assert boxy.is_edge_on
    assert boxy.boxiness == 1
    without = family_of_answer(load_tree("gz2"), "t05_bulge_prominence", "a10_no_bulge").typical()
    assert without.bulge == 0
    with pytest.raises(ModelError, match="no answer 'blue'"):
        family_of_answer(load_tree("gz2"), "t03_bar", "blue")


@pytest.mark.parametrize("name", ["galaxy10-decals", "galaxymnist"])
def test_classes_of_a_set_look_different(name) -> None:
    """Drawings of one class resemble each other more than those of other classes."""
    symbols = load_symbols(name)
    assert len(symbols.classes) == {"galaxy10-decals": 10, "galaxymnist": 4}[name]
    rng = np.random.default_rng(1)

    def profile(pixels) -> np.ndarray:
        light = pixels[..., 0].astype(float)
        up, across = np.mgrid[:48, :48] - 23.5
        moments = [
            (across**2).ravel() @ light.ravel(),
            (up**2).ravel() @ light.ravel(),
            (across * up).ravel() @ light.ravel(),
        ]
        xx, yy, xy = np.array(moments) / light.sum()
        root = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
        return np.array([light.sum() / 1e5, (xx + yy) / 100, root / (xx + yy)])

    drawn = {c: [profile(symbols.sample(c, rng, 48)) for _ in range(20)] for c in symbols.classes}
    means = {c: np.mean(p, axis=0) for c, p in drawn.items()}
    right = [
        min(means, key=lambda c: float(np.abs(p - means[c]).sum())) == own
        for own, profiles in drawn.items()
        for p in profiles
    ]
    assert np.mean(right) > 2.5 / len(symbols.classes)


def test_ones_own_drawings(tmp_path) -> None:
    bright = np.zeros((40, 60, 3), np.uint8)
    bright[15:25, 5:55] = 255
    Image.fromarray(bright).save(tmp_path / "needle.png")
    (tmp_path / "ball").mkdir()
    Image.fromarray(255 - bright[:, 10:50]).save(tmp_path / "ball" / "on_paper.png")
    symbols = load_symbols(tmp_path, ["ball", "needle"])
    drawn = symbols.sample("ball", np.random.default_rng(0), 32)
    assert drawn.shape == (32, 32, 3)
    assert drawn.mean() < 100
    assert drawn[16, 16].min() > 200
    with pytest.raises(ModelError, match="lack spiral; they have ball, needle"):
        load_symbols(tmp_path, ["spiral"])
    (tmp_path / "ball" / "broken.png").write_bytes(b"no image")
    with pytest.raises(ModelError, match=r"broken\.png cannot be read"):
        load_symbols(tmp_path)


def test_sources_that_are_none(tmp_path) -> None:
    for wrong, reason in [
        ("galaxy11", "there are no symbols 'galaxy11'"),
        ("galaxy10", "did you mean galaxy10-decals"),
        (tmp_path, "has no drawings"),
        ("words", "say which classes"),
        ("tree:none", "there is no decision tree 'none'"),
    ]:
        with pytest.raises(ModelError, match=reason):
            load_symbols(wrong)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"name": "mine", "classes": {"a": {"arms": 99}}}))
    with pytest.raises(ModelError, match=r"mine\.json does not hold symbols: .*arms"):
        load_symbols(file)
    file.write_text(json.dumps({"name": "mine", "classes": {"a": {"arms": [1, 3]}}}))
    assert load_symbols(file).classes == ("a",)


def test_the_command_draws_a_sheet(tmp_path) -> None:
    out = tmp_path / "new" / "sheet.png"
    command = ["symbols", "words", "--classes", "barred spiral,ring", "-o", str(out)]
    done = CliRunner().invoke(app, [*command, "--each", "3", "--size", "32"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("2 classes, 3 symbols each")
    with Image.open(out) as sheet:
        assert sheet.size == (26 * 8 + 3 * 40, 2 * 40 + 8)
    name = "t05_bulge_prominence_a12_obvious"
    assert _lines(name) == ["t05_bulge_prominence_a12_", "obvious"]
    assert "".join(_lines("x" * 60)) == "x" * 60
    refused = CliRunner().invoke(app, ["symbols", "words", "--classes", "xyz"])
    assert refused.exit_code == 6
