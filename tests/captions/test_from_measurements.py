"""Captions: what the figures support is said, in varied words, and nothing else."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from skylore.captions.findings import Kind, Trait, find
from skylore.captions.from_measurements import describe
from skylore.captions.reference import RELATIVE_COLUMNS, MeasurementReference
from skylore.captions.vocabulary import CLAUSES, OPENINGS, PHRASES, SURROUNDINGS
from skylore.errors import ColumnError
from skylore.imaging.measurements import MEASUREMENT_SCHEMA

NAN = float("nan")
SDSS = Path(__file__).parents[3] / "shared/data/gz1_sdss.parquet"


def archive(count=400, **columns):
    """An archive whose relative columns are spread evenly from 0 to 1."""
    steps = np.linspace(0, 1, count)
    values = dict.fromkeys(RELATIVE_COLUMNS, steps) | columns
    return pa.table({"measure_flag": pa.array(np.zeros(count, np.int8)), **values})


REFERENCE = MeasurementReference.fit(archive())


def galaxy(**figures):
    """An object at the middle of the archive in everything, and round."""
    middle = dict.fromkeys(MEASUREMENT_SCHEMA.names, NAN)
    middle |= dict.fromkeys(RELATIVE_COLUMNS, 0.5)
    middle |= {"measure_flag": 0, "ellipticity": 0.17, "companions": 0, "contact_ratio": 0.0}
    return middle | figures


LATE = {
    "residual": 0.95, "fine_structure": 0.9, "arm_strength": 0.9,
    "m20": 0.9, "colour": 0.05, "concentration": 0.1,
}  # fmt: skip
EARLY = {
    "residual": 0.05, "fine_structure": 0.1, "arm_strength": 0.1,
    "m20": 0.1, "colour": 0.9, "concentration": 0.9,
}  # fmt: skip
DISTURBED = dict.fromkeys(("asymmetry", "lopsidedness", "deviation", "outline_asymmetry"), 0.97)
PAIR = {"contact_ratio": 0.6, "contact_distance": 2.0, "companions": 1}

CASES = [
    (galaxy(**LATE), Kind.SPIRAL),
    (galaxy(**LATE | {"m20": 0.2, "concentration": 0.7}), Kind.LIKELY_SPIRAL),
    (galaxy(**EARLY), Kind.ELLIPTICAL),
    (
        galaxy(**EARLY | {"fine_structure": 0.5, "residual": 0.6, "m20": 0.6}),
        Kind.LIKELY_ELLIPTICAL,
    ),
    (galaxy(), Kind.INTERMEDIATE),
    (galaxy(**EARLY | {"colour": 0.1}), Kind.INTERMEDIATE),
    (galaxy(**EARLY | {"fine_structure": 0.8}), Kind.INTERMEDIATE),
    (galaxy(**EARLY, ellipticity=0.47), Kind.INTERMEDIATE),
    (galaxy(**LATE, spikes=0.1), Kind.SPIRAL),
    (galaxy(**EARLY, spikes=0.5), Kind.STAR),
    (galaxy(**PAIR, spikes=0.5), Kind.STAR),
    (galaxy(ellipticity=0.7), Kind.EDGE_ON),
    (galaxy(ellipticity=0.52), Kind.LIKELY_EDGE_ON),
    (galaxy(**DISTURBED), Kind.LIKELY_MERGER),
    (galaxy(**PAIR), Kind.LIKELY_MERGING_PAIR),
    (galaxy(**PAIR, **DISTURBED), Kind.MERGING_PAIR),
    (galaxy(**LATE | PAIR | {"contact_distance": 3.5}), Kind.SPIRAL),
    (galaxy(measure_flag=4), Kind.UNKNOWN),
    (dict.fromkeys(MEASUREMENT_SCHEMA.names), Kind.UNKNOWN),
    ({}, Kind.UNKNOWN),
]


@pytest.mark.parametrize(("figures", "kind"), CASES, ids=[str(kind) for _, kind in CASES])
def test_the_class_follows_from_the_figures(figures, kind):
    assert find(figures, REFERENCE).kind is kind


def figure(name):
    wide = st.floats(-2, 3) | st.just(NAN) | st.none()
    if name == "measure_flag":
        return st.sampled_from([0, 1, 2, 4])
    return st.integers(0, 5) if name == "companions" else wide


ANY_ROW = st.fixed_dictionaries({name: figure(name) for name in MEASUREMENT_SCHEMA.names})


@given(ANY_ROW, st.integers() | st.text())
@settings(max_examples=80, deadline=None)
def test_any_row_gets_a_sentence_and_three_to_six_phrases(row, seed):
    captions = describe(row, REFERENCE, seed)
    assert captions == describe(row, REFERENCE, seed)
    assert re.fullmatch(r"[A-Z][^.]*\.( [A-Z][^.]*\.)?", captions.caption)
    assert 3 <= len(captions.variants) <= 6
    assert len(set(captions.variants)) == len(captions.variants)
    for text in (captions.caption, *captions.variants):
        assert text == text.strip()
        assert "  " not in text
        assert "nan" not in text.lower().split()


@given(ANY_ROW, st.integers())
@settings(max_examples=80, deadline=None)
def test_what_is_absent_is_never_mentioned(row, seed):
    captions = describe(row, REFERENCE, seed)
    said = " ".join([captions.caption, *captions.variants]).lower()
    assert not re.search(r"\b(no|not|without|lacks?|lacking|absent|none|featureless)\b", said)
    found = find(row, REFERENCE)
    if found.kind is Kind.STAR:
        assert "galax" not in said
    else:
        assert not re.search(r"\bstar|point source", said)
    if found.kind not in {Kind.SPIRAL, Kind.LIKELY_SPIRAL}:
        assert "spiral" not in said
    if Trait.ARMS not in found.traits:
        assert "arms" not in said
    if found.kind not in {Kind.EDGE_ON, Kind.LIKELY_EDGE_ON}:
        assert "edge-on" not in said
    if "merg" not in found.kind:
        assert not re.search(r"merg|interact|colli|disturbed", said)
    if found.kind not in {Kind.ELLIPTICAL, Kind.LIKELY_ELLIPTICAL}:
        assert "ellip" not in said


@given(ANY_ROW)
@settings(max_examples=60, deadline=None)
def test_missing_figures_only_take_words_away(row):
    blind = row | dict.fromkeys(["colour", "colour_gradient", "half_light_radius"])
    said = find(blind, REFERENCE).traits
    assert not {Trait.RED, Trait.BLUE, Trait.RED_CENTRE, Trait.LARGE, Trait.SMALL} & set(said)


def test_what_is_only_likely_is_said_to_be():
    hedge = re.compile(r"likely|possibl|probabl", re.IGNORECASE)
    for kind in Kind:
        if kind.value.startswith("likely") or kind is Kind.MERGING_PAIR:
            assert all(hedge.search(opening) for opening in OPENINGS[kind])
            assert hedge.search(" ".join(PHRASES[kind]))


def test_a_bad_flag_leaves_the_shape_alone():
    row = galaxy(measure_flag=2, ellipticity=0.7)
    row |= dict.fromkeys(["concentration", "m20", "asymmetry", "deviation"], NAN)
    assert find(row, REFERENCE).kind is Kind.EDGE_ON
    assert find(row | {"ellipticity": 0.2}, REFERENCE).kind is Kind.GALAXY


def test_blue_spirals_and_red_ellipticals_are_called_so():
    spiral, elliptical = galaxy(**LATE), galaxy(**EARLY)
    assert (
        "blue oval spiral galaxy" in describe(spiral | {"ellipticity": 0.3}, REFERENCE, 1).variants
    )
    resolved = spiral | {"half_light_radius": 12.0}
    assert "spiral galaxy with blue arms" in describe(resolved, REFERENCE, 1).variants
    assert "red smooth elliptical galaxy" in describe(elliptical, REFERENCE, 1).variants


def test_colour_words_are_relative_to_the_archive():
    bluer = MeasurementReference.fit(archive(colour=np.linspace(-5, 0, 400)))
    row = galaxy(colour=0.1)
    assert Trait.BLUE in find(row, REFERENCE).traits
    assert Trait.RED in find(row, bluer).traits


def test_wording_varies_between_objects_and_reaches_every_word():
    row = galaxy(**LATE, companions=1) | {"half_light_radius": 12.0}
    openings = {describe(row, REFERENCE, i).caption.split(",")[0] for i in range(60)}
    assert openings == set(OPENINGS[Kind.SPIRAL])
    said = " ".join(describe(row, REFERENCE, i).caption for i in range(60))
    for words in (CLAUSES[Trait.ARMS], CLAUSES[Trait.BLUE], SURROUNDINGS[Trait.COMPANION]):
        assert all(phrase in said for phrase in words)


def test_every_kind_and_trait_has_words():
    assert set(OPENINGS) == set(PHRASES) == set(Kind)
    assert set(CLAUSES) | set(SURROUNDINGS) == set(Trait)


def test_reference_is_json_and_ranks_by_share():
    again = MeasurementReference.model_validate_json(REFERENCE.model_dump_json())
    assert again == REFERENCE
    assert again.objects == 400
    for share in (0.0, 0.25, 0.9, 1.0):
        assert again.rank("colour", share) == pytest.approx(share, abs=0.01)
    assert again.rank("colour", -9.0) == 0
    assert again.rank("colour", 9.0) == 1
    assert np.isnan(again.rank("colour", NAN))


@given(st.lists(st.floats(-1e6, 1e6), min_size=30, max_size=80), st.floats(-1e6, 1e6), st.data())
@settings(deadline=None)
def test_rank_rises_with_the_value(values, one, data):
    table = archive(len(values), colour=np.array(values))
    reference = MeasurementReference.fit(table)
    other = data.draw(st.floats(one, 1e6))
    assert 0 <= reference.rank("colour", one) <= reference.rank("colour", other) <= 1


def test_equal_values_share_the_middle_rank():
    reference = MeasurementReference.fit(archive(colour=np.zeros(400)))
    assert reference.rank("colour", 0.0) == pytest.approx(0.5)


def test_reference_leaves_bad_rows_out_and_needs_every_column():
    table = archive()
    flags = np.where(np.arange(400) < 200, 2, 0)
    half = table.set_column(0, "measure_flag", pa.array(flags, pa.int8()))
    assert MeasurementReference.fit(half).rank("colour", 0.75) == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ColumnError, match="no column gini"):
        MeasurementReference.fit(table.drop_columns(["gini"]))


RELATIVE_WORDS = re.compile(
    r"spiral|ellip|\bearly|late-type|between|intermediate|mixed|than most|colour|bluish|reddish"
    r"|blue|red\b|smooth|concentrated|bright centre|size|large|small|lopsided|disturbed"
)


@given(st.lists(ANY_ROW, min_size=0, max_size=29), ANY_ROW, st.text())
@settings(max_examples=40, deadline=None)
def test_a_small_archive_is_described_in_absolute_terms_alone(rows, row, seed):
    schema = pa.schema([field.with_nullable(True) for field in MEASUREMENT_SCHEMA])
    few = MeasurementReference.fit(pa.Table.from_pylist(rows, schema=schema))
    few = MeasurementReference.model_validate_json(few.model_dump_json())
    assert np.isnan(few.rank("colour", 0.5))
    captions = describe(row, few, seed)
    assert not RELATIVE_WORDS.search(" ".join([captions.caption, *captions.variants]).lower())


def test_five_images_still_tell_edge_on_pair_and_star():
    few = MeasurementReference.fit(archive(5))
    told = {
        "edge-on": galaxy(ellipticity=0.7),
        "round": galaxy(ellipticity=0.05),
        "contact": galaxy(**PAIR),
        "star": galaxy(spikes=0.6),
        "close by": galaxy(companions=3),
    }
    for word, row in told.items():
        assert any(word in describe(row, few, i).caption for i in range(30))
    with pytest.raises(ColumnError, match="no percentiles of charm"):
        few.rank("charm", 0.5)


def test_reference_must_rise():
    falling = tuple(np.linspace(1, 0, 101))
    with pytest.raises(ValidationError, match="rising"):
        MeasurementReference(percentiles={"colour": falling}, objects=50)


@pytest.mark.skipif(not SDSS.exists(), reason="needs ../shared/data/gz1_sdss.parquet")
def test_class_words_are_enriched_for_the_right_galaxies_of_sdss():
    import pyarrow.parquet as pq

    from skylore.imaging.decode import decode
    from skylore.imaging.measure import measure

    table = pq.read_table(SDSS, columns=["id", "image", "gz1_class"])
    classes = np.array(table["gz1_class"].to_pylist())
    chosen = np.concatenate(
        [np.flatnonzero(classes == c)[40:52] for c in ("elliptical", "spiral-clockwise", "edge-on")]
        + [np.flatnonzero(classes == "merger")[10:22]]
    )
    rows = [measure(decode(table["image"][int(i)].as_py())) for i in chosen]
    reference = MeasurementReference.fit(pa.Table.from_pylist(rows, schema=MEASUREMENT_SCHEMA))
    texts = [
        describe(row, reference, str(table["id"][int(i)])).caption.lower()
        for row, i in zip(rows, chosen, strict=True)
    ]
    truth = np.array([str(c).split("-")[0] for c in classes[chosen]])
    for word, name in {"spiral": "spiral", "edge-on": "edge", "ellipt": "elliptical"}.items():
        said = np.array([word in text for text in texts])
        assert (truth[said] == name).mean() > 1.6 * (truth == name).mean()
    said = np.array([bool(re.search("merg|interact|disturbed", text)) for text in texts])
    assert (truth[said] == "merger").mean() > 1.6 * 0.25
