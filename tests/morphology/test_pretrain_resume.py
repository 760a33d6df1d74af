from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from morphology.shapes import QUICK, STILL, kill_settings
from morphology.training_runs import (
    PowerCutError,
    changed,
    ignore,
    run_of,
    stop_at,
    trained,
    weights,
)
from skylore.archive.table import Archive
from skylore.errors import ModelError
from skylore.morphology.service import pretrain_encoder
from skylore.training.checkpoint import read_checkpoint, write_checkpoint

TESTS = Path(__file__).parents[1]
KILLED_STEPS = 60


def test_killed_run_ends_as_if_it_had_not_been(archive, tmp_path):
    whole = trained(archive, tmp_path / "whole", kill_settings(KILLED_STEPS))
    folder = tmp_path / "killed"
    kill_after_a_checkpoint(archive, folder)
    reached = step_of(folder)
    assert 0 < reached < KILLED_STEPS
    report = pretrain_encoder(archive, folder, kill_settings(KILLED_STEPS), progress=False)
    assert weights(folder) == whole
    straight = json.loads((tmp_path / "whole" / "training.json").read_text())
    assert report.model_dump(mode="json") == straight
    assert not (folder / "unfinished").exists()


def kill_after_a_checkpoint(archive: Archive, folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "morphology.pretrainer", str(archive), folder, str(KILLED_STEPS)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    checkpoint = folder / "unfinished" / "checkpoint.safetensors"
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert not (folder / "config.json").exists()


def step_of(folder: Path) -> int:
    kept = read_checkpoint(folder / "unfinished" / "checkpoint.safetensors")
    assert kept is not None
    return kept[1]["step"]


@pytest.mark.parametrize("moment", [1, 4, 6, 11])
def test_chance_depends_on_seed_and_step_alone(archive, tmp_path, moment):
    settings = kill_settings(12)
    torch.manual_seed(1)
    straight = run_of(archive, tmp_path / "straight", settings)
    straight.go(ignore)
    for stop in (moment, 12):
        torch.manual_seed(stop)
        run = run_of(archive, tmp_path / "stopped", settings)
        try:
            run.go(stop_at(stop) if stop == moment else lambda step, loss: torch.rand(step))
        except PowerCutError:
            assert run.step == moment
    assert run.step == straight.step == 12
    assert run.history == straight.history
    for name, tensor in straight.averaged.state_dict().items():
        assert torch.equal(run.averaged.state_dict()[name], tensor), name


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"steps": 13}, {"augmentation": STILL}, {"learning_rate": 1e-3}]
)
def test_a_run_does_not_go_on_with_other_settings(archive, tmp_path, other):
    with pytest.raises(PowerCutError):
        run_of(archive, tmp_path).go(stop_at(6))
    with pytest.raises(ModelError, match="other settings"):
        run_of(archive, tmp_path, changed(**other)).go(ignore)
    run_of(archive, tmp_path).go(ignore)


@pytest.mark.parametrize("how", [{"where": "id > 's0010'"}, {"group": "galaxy"}])
def test_a_run_does_not_go_on_with_other_objects(archive, tmp_path, how):
    with pytest.raises(PowerCutError):
        run_of(archive, tmp_path).go(stop_at(6))
    with pytest.raises(ModelError, match="other objects or labels"):
        run_of(archive, tmp_path, **how).go(ignore)


def test_checkpoints_without_a_digest_of_the_data_are_still_read(archive, tmp_path):
    with pytest.raises(PowerCutError):
        run_of(archive, tmp_path).go(stop_at(6))
    file = tmp_path / "checkpoint.safetensors"
    tensors, note = read_checkpoint(file) or ({}, {})
    del note["data"]
    write_checkpoint(file, tensors, note)
    steps: list[int] = []
    run_of(archive, tmp_path).go(lambda step, loss: steps.append(step))
    assert steps[0] == 5


@pytest.mark.parametrize("harm", ["empty", "cut", "noise", "no note", "other note", "no tensors"])
def test_damaged_checkpoints_say_what_to_do(archive, tmp_path, harm):
    with pytest.raises(PowerCutError):
        run_of(archive, tmp_path).go(stop_at(6))
    file = tmp_path / "checkpoint.safetensors"
    content = file.read_bytes()
    tensors, note = read_checkpoint(file) or ({}, {})
    if harm == "no tensors":
        write_checkpoint(file, {n: t for n, t in tensors.items() if "averaged" not in n}, note)
    elif harm == "other note":
        write_checkpoint(file, tensors, {"epoch": 3})
    elif harm == "no note":
        file.write_bytes(content.replace(b'"note"', b'"nope"'))
    else:
        torn = {"empty": b"", "cut": content[: len(content) // 2], "noise": b"\x00" * 4096}
        file.write_bytes(torn[harm])
    with pytest.raises(ModelError, match="delete it to"):
        run_of(archive, tmp_path).go(ignore)


def test_a_finished_folder_is_left_alone(archive, tmp_path):
    before = trained(archive, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "training.json",
    ]
    with pytest.raises(ModelError, match="finished model already"):
        trained(archive, tmp_path, changed(seed=3))
    assert weights(tmp_path) == before


def test_the_unfinished_work_of_a_run_that_was_cut_off_at_its_end_is_used(archive, tmp_path):
    whole = trained(archive, tmp_path / "whole")
    run_of(archive, tmp_path / "m" / "unfinished").go(ignore)
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "m", kept)
    steps = read_checkpoint(kept / "unfinished" / "checkpoint.safetensors")
    assert steps is not None
    assert steps[1]["step"] == QUICK.steps
    assert trained(archive, kept) == whole
