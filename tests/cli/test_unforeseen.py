from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from skylore.cli.app import app


@pytest.fixture
def broken():
    """The real application, with a command that has a fault nobody foresaw."""
    commands = len(app.registered_commands)

    @app.command()
    def stumble(kind: str) -> None:
        faults = {"index": lambda: kind[99], "zero": lambda: 1 // 0, "attribute": lambda: app.no}
        faults[kind]()

    yield app
    del app.registered_commands[commands:]


@pytest.mark.parametrize("kind", ["index", "zero", "attribute"])
def test_faults_are_one_line_unless_debugged(broken: typer.Typer, kind: str) -> None:
    told = CliRunner().invoke(broken, ["stumble", kind])
    assert told.exit_code == 1
    assert len(told.stderr.strip().splitlines()) == 1
    assert "run with --debug for the traceback" in told.stderr
    shown = CliRunner().invoke(broken, ["--debug", "stumble", kind])
    assert isinstance(shown.exception, LookupError | ArithmeticError | AttributeError)


def test_wrong_usage_is_not_a_fault(broken: typer.Typer) -> None:
    assert CliRunner().invoke(broken, ["stumble"]).exit_code == 2
