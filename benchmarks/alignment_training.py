"""Training a shared space beside a plain version of the published recipe, on the same pairs.

``python -m benchmarks.alignment_training``: 20,000 pairs of 768- and 3072-d vectors, drawn anew for
each seed; both trainings on one core, one after the other. Times are of the processor, since
machines are shared, and include everything from the vectors to the model. About seven minutes a
seed on a quiet machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the name that torch code uses everywhere

from benchmarks.paired_vectors import PairedVectors, draw_pairs
from benchmarks.published_recipe import STEPS_PER_EPOCH, PublishedRun, train_as_published
from benchmarks.report import arguments, publish, table
from skylore.alignment.config import EncoderReference
from skylore.alignment.pairs import held_out
from skylore.alignment.settings import TrainingSettings
from skylore.alignment.training import train

PAIRS, TESTED = 20_000, 2_000
IMAGE_DIM, TEXT_DIM = 768, 3072
VAGUENESS, NOISE = 0.5, 1.0
PATIENCE = 3
LARGEST_SCALE = 100.0

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """One training.

    Attributes
    ----------
    seconds : float
        Of the processor: until the least validation loss for the published recipe, which may stop
        there; until the end for Skylore's.
    loss : float
        Symmetric InfoNCE over all validation pairs, at the model's own temperature.
    recall : float
        Share of test captions whose image is among the first 10.
    """

    seconds: float
    loss: float
    recall: float


def contrast(images: Floats, texts: Floats, scale: float) -> float:
    """Give the symmetric InfoNCE of unit rows among one another."""
    logits = scale * torch.from_numpy(images @ texts.T)
    own = torch.arange(len(logits))
    return float((F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2)


def recall_at_10(images: Floats, texts: Floats) -> float:
    """Give the share of texts whose image is among the first 10; ties count against."""
    scores = texts @ images.T
    return float(((scores >= np.diag(scores)[:, None]).sum(axis=1) <= 10).mean())


def judge(
    project: Callable[[PairedVectors], tuple[Floats, Floats]],
    scale: float,
    checked: PairedVectors,
    tested: PairedVectors,
    seconds: float,
) -> Outcome:
    """Measure a model in the way that is the same for all."""
    return Outcome(
        seconds,
        contrast(*project(checked), min(scale, LARGEST_SCALE)),
        recall_at_10(*project(tested)),
    )


def published(
    trained: PairedVectors, checked: PairedVectors, tested: PairedVectors, seed: int
) -> Outcome:
    """Train as published, at 24 steps an epoch."""
    run: PublishedRun = train_as_published(
        _tensors(trained),
        _tensors(checked),
        batch=len(trained) // STEPS_PER_EPOCH,
        seed=seed,
        patience=PATIENCE,
    )

    def project(pairs: PairedVectors) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            images, texts = run.model.project(*_tensors(pairs))
        return images.numpy(), texts.numpy()

    scale = float(torch.exp(run.model.log_scale.detach()))
    print(f"  best epoch {run.best + 1} of {len(run.losses)}", flush=True)
    return judge(project, scale, checked, tested, run.seconds[run.best])


def ours(
    known: PairedVectors,
    checked: PairedVectors,
    tested: PairedVectors,
    settings: TrainingSettings,
    seed: int,
) -> Outcome:
    """Train with Skylore, to the end: the model and its report."""
    start = time.process_time()
    model = train(
        known.images,
        known.texts,
        np.arange(len(known)),
        ids=_ids(len(known)),
        image_encoder=EncoderReference(name="images", revision="1"),
        text_encoder=EncoderReference(name="texts", revision="1"),
        settings=settings,
        seed=seed,
    ).model
    seconds = time.process_time() - start

    def project(pairs: PairedVectors) -> tuple[Floats, Floats]:
        return model.encode_image_vectors(pairs.images), model.encode_text_vectors(pairs.texts)

    scale = float(torch.exp(model.weights()["logit_scale"]))
    return judge(project, scale, checked, tested, seconds)


def compare(seed: int) -> dict[str, Outcome]:
    """Draw pairs, and train on them in each way."""
    pairs = draw_pairs(
        PAIRS,
        image_dim=IMAGE_DIM,
        text_dim=TEXT_DIM,
        vagueness=VAGUENESS,
        noise=NOISE,
        seed=seed,
    )
    known, tested = pairs.take(slice(PAIRS - TESTED)), pairs.take(slice(PAIRS - TESTED, None))
    settings = TrainingSettings.for_objects(len(known))
    aside = held_out(_ids(len(known)), settings.validation)
    trained, checked = known.take(~aside), known.take(aside)
    once = settings.model_copy(update={"steps": 1, "evaluations": 1})
    ways: dict[str, Callable[[], Outcome]] = {
        "closed form and one step": lambda: ours(known, checked, tested, once, seed),
        "published recipe": lambda: published(trained, checked, tested, seed),
        "default recipe": lambda: ours(known, checked, tested, settings, seed),
    }
    found = {}
    for name, work in ways.items():
        found[name] = work()
        print(seed, name, found[name], flush=True)
    return found


def spread(values: list[float], form: str) -> str:
    """Show the median and the range."""
    return f"{np.median(values):{form}} [{min(values):{form}}, {max(values):{form}}]"


def rows_of(runs: list[dict[str, Outcome]]) -> list[list[object]]:
    """Give each way's figures over the seeds, beside the published recipe's."""
    rows: list[list[object]] = []
    for name in runs[0]:
        outcomes = [run[name] for run in runs]
        ratios = [run["published recipe"].seconds / run[name].seconds for run in runs]
        rows.append(
            [
                name,
                spread([o.seconds for o in outcomes], ".0f"),
                spread(ratios, ".1f"),
                spread([o.loss for o in outcomes], ".3f"),
                spread([o.recall for o in outcomes], ".3f"),
            ]
        )
    return rows


def _tensors(pairs: PairedVectors) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(pairs.images), torch.from_numpy(pairs.texts)


def _ids(count: int) -> list[str]:
    return [f"pair-{number}" for number in range(count)]


def main() -> None:
    """Run it."""
    parser = arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    runs = [compare(seed) for seed in range(options.seeds)]
    header = ["training", "CPU s", "published / this", "validation loss", "recall@10"]
    publish("alignment-training", table(header, rows_of(runs)), write=options.write)


if __name__ == "__main__":
    main()
