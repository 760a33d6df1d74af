"""``skylore infer`` on a real table, from a CSV file to a filter on a probability."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from density.conftest import SMALL
from newcomer import run
from skylore.archive.table import Archive
from skylore.cli.app import app
from skylore.density.emulator import DensityEmulator
from skylore.density.posterior_columns import (
    category_columns,
    expand_probabilities,
    level_column,
)
from skylore.search.predicate import compile_predicate


def invoke(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def galaxies(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = pacsv.read_csv(shared_data / "sdss_photoz.csv").slice(0, 900)
    file = tmp_path_factory.mktemp("density") / "galaxies.csv"
    pacsv.write_csv(table, file)
    return file


@pytest.fixture(scope="module")
def model(galaxies: Path) -> Path:
    folder = galaxies.with_name("model")
    recipe = galaxies.with_name("recipe.json")
    recipe.write_text(json.dumps({**SMALL, "epochs": 30}))
    done = run(
        *("infer", "fit", galaxies, "--model", folder, "--seed", 3, "-q", "--settings", recipe)
    )
    assert done.returncode == 0, done.stderr
    assert "errors in u_err" in done.stdout
    return folder


def test_logprob_of_rows_is_written_and_better_than_no_knowledge(
    galaxies: Path, model: Path
) -> None:
    out = galaxies.with_name("l.parquet")
    asked = ("infer", "logprob", galaxies, "--model", model, "--target", "redshift", "--out", out)
    invoke(*asked, "--given", "u,g,r,i,z")
    known = pq.read_table(out)
    assert known.column_names == ["row", "log_density"]
    assert known["row"].to_pylist() == list(range(900))
    invoke(*asked, "--given", "")
    assert (
        pc.mean(known["log_density"]).as_py()
        > 0.5 + pc.mean(pq.read_table(out)["log_density"]).as_py()
    )


def test_draws_are_written_a_line_each(galaxies: Path, model: Path) -> None:
    out = galaxies.with_name("s.parquet")
    asked = ("infer", "sample", galaxies, "--model", model, "--out", out, "-n", 7)
    invoke(*asked, "--target", "redshift,u", "--given", "g,r")
    drawn = pq.read_table(out)
    assert drawn.column_names == ["row", "draw", "redshift", "u"]
    assert drawn.num_rows == 900 * 7
    assert pc.min(drawn["redshift"]).as_py() >= 0


def test_check_reports_and_draws(galaxies: Path, model: Path) -> None:
    plots = galaxies.with_name("plots")
    asked = ("infer", "check", galaxies, "--model", model, "--target", "redshift")
    report = json.loads(invoke(*asked, "--plots", plots, "--format", "json"))
    (column,) = report["columns"]
    assert column["rows"] == 900
    assert abs(column["coverage"]["90"] - 0.9) < 0.08
    assert column["nats"][0] < -1
    assert (plots / "redshift_calibration.png").stat().st_size > 5000


def test_posteriors_are_filled_and_filtered_by(galaxies: Path, model: Path) -> None:
    rows = pacsv.read_csv(galaxies).slice(0, 200)
    rows = rows.add_column(0, "id", pa.array([f"g{i}" for i in range(200)]))
    source = galaxies.with_name("objects.csv")
    pacsv.write_csv(rows, source)
    place = galaxies.with_name("a.skylore")
    invoke("ingest", place, source, "--id", "id", "--quiet")
    said = invoke("infer", "fill", place, "--model", model, "--target", "redshift", "--quiet")
    assert "200 done" in said
    archive = Archive.open(place)
    names = archive.schema.names
    where = expand_probabilities("p(redshift > 0.15) > 0.9", names)
    assert where == "(`redshift_q100` > 0.15)"
    sure = archive.read(["id"], where=compile_predicate(where, names))["id"].to_pylist()
    emulator = DensityEmulator.load(model)
    table = archive.read([*emulator_columns(emulator), "id", "redshift_logp", "redshift_mean"])
    above = 1 - emulator.cdf(table, "redshift", at=0.15)
    expected = {i for i, p in zip(table["id"].to_pylist(), above, strict=True) if p > 0.9}
    assert set(sure) == expected
    assert 0 < len(sure) < 200
    np.testing.assert_allclose(
        table["redshift_logp"].to_numpy(), emulator.logprob(table, "redshift"), atol=1e-6
    )
    again = invoke("infer", "fill", place, "--model", model, "--target", "redshift", "--quiet")
    assert "200 were there already" in again


def test_the_unusual_is_written_filled_sorted_and_drawn(galaxies: Path, model: Path) -> None:
    out = galaxies.with_name("odd.parquet")
    asked = ("infer", "unusual", galaxies, "--model", model, "--target", "redshift")
    assert "most unusual: rows" in invoke(*asked, "--given", "g,r,i", "--out", out)
    written = pq.read_table(out)
    assert written.column_names == ["row", "unusual", "log_density"]
    tails = written["unusual"].to_numpy()
    assert ((tails > 0) & (tails <= 1)).all()
    assert abs(np.mean(tails < 0.2) - 0.2) < 0.1
    rows = pacsv.read_csv(galaxies).slice(0, 150)
    rows = rows.add_column(0, "id", pa.array([f"g{i:03d}" for i in range(150)]))
    pacsv.write_csv(rows, galaxies.with_name("odd.csv"))
    place = galaxies.with_name("odd.skylore")
    invoke("ingest", place, galaxies.with_name("odd.csv"), "--id", "id", "--quiet")
    filled = ("infer", "unusual", place, "--model", model, "--target", "redshift", "-q")
    assert "150 done" in invoke(*filled, "--given", "g,r,i")
    listed = json.loads(
        invoke("search", place, "--sort", "redshift_unusual", "-k", 150, "--format", "json")
    )
    found = [hit["redshift_unusual"] for hit in listed["hits"]]
    assert found == sorted(found)
    np.testing.assert_allclose(sorted(tails[:150]), found, rtol=1e-6)
    refused = CliRunner().invoke(app, [str(a) for a in asked])
    assert refused.exit_code == 2
    assert "--out FILE" in refused.output
    drawn = galaxies.with_name("p.png")
    base = (galaxies, "--model", model, "--out", drawn)
    for kind, *more in (
        ("marginals", "--target", "redshift,u"),
        ("conditionals", "--target", "redshift", "--row", 3, "--row", 5),
        ("calibration", "--target", "u"),
        ("corner", "--target", "u,g", "--row", 2),
        ("corner", "--target", "u,g"),
    ):
        drawn.unlink(missing_ok=True)
        assert "drawn" in invoke("infer", "plot", kind, *base, *more)
        assert drawn.stat().st_size > 15_000
    for more, why in (
        (("corner", *base, "--target", "u"), "two to 8 columns"),
        (("conditional", *base, "--target", "u", "--row", 900), "no row 900"),
        (("marginals", *base[:3], "--out", "x.doc"), ".png, .pdf, .svg"),
        (("marginals", *base, "--target", "redshft"), "did you mean redshift?"),
    ):
        done = CliRunner().invoke(app, ["infer", "plot", *map(str, more)])
        assert done.exit_code == 6, done.output
        assert why in done.output


def emulator_columns(emulator: DensityEmulator) -> list[str]:
    errors = [spec.error for spec in emulator.columns if spec.error]
    return [spec.name for spec in emulator.columns] + errors


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("mag < 20", "mag < 20"),
        ("p(z < 1) >= 0.95 and mag < 20", "(`z_q950` < 1) and mag < 20"),
        ("p(z > 1) < 0.05", "(`z_q950` <= 1)"),
        ("p(z >= 1) > 0.95", "(`z_q050` >= 1)"),
        ("p(kind = 'S?') > 0.9 and name = 'p(z > 1) > 0.9'", "name = 'p(z > 1) > 0.9'"),
        ("p(flag = 1) > 0.9", "(`flag_p_1` > 0.9)"),
        ("p(`z` > -1e-3) > .5", "(`z_q500` > -1e-3)"),
        ("p(kind = 'E S') > 0.9", "(`kind_p_e_s` > 0.9)"),
        ("name = 'p(z > 1)'", "name = 'p(z > 1)'"),
        ("p(z > 1) > 0.85", "(`z_q100` * 0.166666667 + `z_q160` * 0.833333333)"),
    ],
)
def test_probabilities_are_written_as_quantiles(text: str, written: str) -> None:
    levels = [level_column("z", q / 1000) for q in (50, 100, 160, 500, 950)]
    other = [*category_columns("kind", ["E S", "S", "S?"]).values(), "flag_p_1", "flag_likeliest"]
    found = expand_probabilities(text, [*levels, *other, "mag", "name"])
    assert written in found


def test_categories_that_look_alike_are_told_apart() -> None:
    columns = category_columns("kind", ["S", "S?", "star"])
    assert len(set(columns.values())) == 3
    for category, column in columns.items():
        asked = f"p(kind = '{category}') > 0.5"
        assert expand_probabilities(asked, [*columns.values()]) == f"(`{column}` > 0.5)"


@pytest.mark.parametrize(
    "text",
    [
        "p(z > 1) > 0.9",
        "p(mag > 1) > 1.5",
        "p(mag > 1) > 0.999",
        "p(mag > other) > 0.5",
        "p(mag = 3) > 0.5",
        "p(mag > 1)",
    ],
)
def test_probabilities_that_cannot_be_asked_are_refused(text: str) -> None:
    from skylore.errors import FilterError

    with pytest.raises(FilterError):
        expand_probabilities(text, ["mag_q100", "mag_q010"])


def test_bad_requests_end_with_one_line(galaxies: Path, model: Path, tmp_path: Path) -> None:
    for arguments, code in (
        (("fit", galaxies, "--model", tmp_path / "m", "--columns", "u,gg"), 6),
        (("fit", galaxies, "--model", tmp_path / "m", "--columns", "u,nothing"), 6),
        (("fit", tmp_path / "none.csv", "--model", tmp_path / "m"), 4),
        (("logprob", galaxies, "--model", tmp_path, "--target", "u", "--out", "x.parquet"), 6),
        (("logprob", galaxies, "--model", model, "--target", "u_err", "--out", "x.parquet"), 6),
        (("logprob", galaxies, "--model", model, "--target", "u", "--out", tmp_path / "x.doc"), 5),
        (("sample", galaxies, "--model", model, "--target", "u", "--out", "no/where.csv"), 5),
    ):
        done = CliRunner().invoke(app, ["infer", *map(str, arguments)])
        assert done.exit_code == code, done.output
        assert done.output.startswith("skylore: ")
        assert done.output.count("\n") == 1
