"""Votes of Galaxy Zoo 2 foretold for held-out galaxies.

``python -m benchmarks.votes --work WORK``, after ``python -m recipes.galaxy_nano all DATA WORK``.
Every model is fitted to the votes of the training split with the free head (see
``benchmarks.vote_heads``): a constant a question, a linear model of the measured columns, and one
of each encoder's vectors, its penalty chosen by cross-validation within the training split. The
network's own head, learnt in pretraining, is beside them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from benchmarks.held_out import encoders
from benchmarks.report import arguments, publish, table
from benchmarks.vote_heads import fit, folds
from skylore.archive.table import Archive
from skylore.encoders.registry import load_image_encoder
from skylore.encoders.trained import folder_of
from skylore.evaluation.bootstrap import Interval, bootstrap_mean
from skylore.imaging.decode import decode
from skylore.imaging.measurements import MEASUREMENT_SCHEMA
from skylore.morphology.canvas import stack
from skylore.morphology.concentration import concentration_head
from skylore.morphology.encoder_model import EncoderModel
from skylore.morphology.tree import load_tree
from skylore.morphology.vote_objectives import VoteObjective
from skylore.morphology.votes import expected_fractions, tree_nll, tree_saturated_nll

TREE = load_tree("gz2")
HEAD = concentration_head("free", TREE)
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def chosen_penalty(inputs: Tensor, counts: Tensor) -> float:
    """Choose the penalty by three folds of the training split."""
    losses = []
    for penalty in PENALTIES:
        parts = list(folds(len(counts), seed=1))[:3]
        models = [(fit(inputs[a], counts[a], TREE, HEAD, penalty), b) for a, b in parts]
        losses.append(sum(float(tree_nll(counts[b], m(inputs[b]), TREE).sum()) for m, b in models))
    return PENALTIES[int(np.argmin(losses))]


def linear(inputs: Tensor, counts: Tensor, train: Tensor, test: Tensor) -> Tensor:
    """Give concentrations of the test rows by a linear model of standardised inputs."""
    mean, scale = inputs[train].mean(dim=0), inputs[train].std(dim=0).clamp(min=1e-9)
    standard = (inputs - mean) / scale / np.sqrt(inputs.shape[1])
    penalty = chosen_penalty(standard[train], counts[train])
    return fit(standard[train], counts[train], TREE, HEAD, penalty)(standard[test])


def scores(concentration: Tensor, counts: Tensor) -> tuple[Interval, Interval]:
    """Give the likelihood and the error of the fractions, over the answers that were possible."""
    nll = tree_nll(counts, concentration, TREE).sum(dim=1).numpy()
    found = expected_fractions(concentration, TREE)
    errors, asked = [], []
    for place in TREE.slices:
        total = counts[:, place].sum(dim=1, keepdim=True)
        own = (found[:, place] - counts[:, place] / total.clamp(min=1)).abs() * (total > 0)
        errors.append(own.sum(dim=1))
        asked.append((total[:, 0] > 0) * own.shape[1])
    each = torch.stack(errors).sum(dim=0) / torch.stack(asked).sum(dim=0)
    return bootstrap_mean(nll, seed=0), bootstrap_mean(each.numpy(), seed=0)


def measured(objects: pa.Table) -> Tensor:
    """Give the measured columns, gaps filled by the median."""
    names = [n for n in MEASUREMENT_SCHEMA.names if n not in {"measure_flag", "orientation"}]
    values = np.stack([objects[n].to_numpy().astype(float) for n in names], axis=1)
    middle = np.nanmedian(values, axis=0)
    spread = np.nanmedian(np.abs(values - middle), axis=0) + 1e-9
    filled = np.where(np.isnan(values), middle, values)
    return torch.from_numpy(np.clip((filled - middle) / spread, -8, 8))


def own_head(objects: pa.Table) -> Tensor:
    """Give the concentrations of galaxy-nano's own head."""
    folder = folder_of("galaxy-nano")
    if folder is None:
        raise SystemExit("galaxy-nano is not in the package")
    model = EncoderModel.load(folder)
    pixels = stack([decode(d) for d in objects["image"].to_pylist()], model.config.network.canvas)
    head = model.objectives["votes-gz2"]
    if not isinstance(head, VoteObjective):
        raise SystemExit("galaxy-nano learnt no votes")
    with torch.inference_mode():
        concentrations: Tensor = head.concentrations(head.head(model.features(pixels)))
    return concentrations.double()


def figure(found: Interval, digits: int) -> str:
    """Show a mean and its interval."""
    return f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the recipe")
    options = parser.parse_args()
    archive = Archive.open(options.work / "galaxies.skylore")
    objects = archive.read(where="`set` = 'gz2'").sort_by("id")
    counts = torch.from_numpy(
        np.stack([objects[name].to_numpy().astype(float) for name in TREE.columns], axis=1)
    )
    unseen = np.array(objects["split"].to_pylist()) == "test"
    train, test = (torch.from_numpy(np.flatnonzero(side)) for side in (~unseen, unseen))
    images = [decode(data) for data in objects["image"].to_pylist()]
    inputs = {"a constant": torch.zeros(len(counts), 1, dtype=torch.float64)}
    inputs["linear in the measurements"] = measured(objects)
    for name, place in encoders(options.work).items():
        vectors = load_image_encoder(place).encode(images)
        inputs[f"linear in {name}"] = torch.from_numpy(vectors).double()
    found = {name: linear(given, counts, train, test) for name, given in inputs.items()}
    found["galaxy-nano's own head"] = own_head(objects)[test]
    rows: list[list[object]] = []
    for name, concentration in found.items():
        nll, error = scores(concentration, counts[test])
        rows.append([name, figure(nll, 2), figure(error, 4)])
    floor = tree_saturated_nll(counts[test], TREE).sum(dim=1).numpy()
    rows.append(["the votes themselves", figure(bootstrap_mean(floor, seed=0), 2), "0"])
    header = [f"model, {len(test)} held-out galaxies", "nats a galaxy", "fraction error"]
    publish("votes", table(header, rows), write=options.write)


if __name__ == "__main__":
    main()
