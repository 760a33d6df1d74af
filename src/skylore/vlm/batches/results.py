"""Reading what came of a batch's requests, from the provider's files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from skylore.vlm.batches.ledger import Settled
from skylore.vlm.endpoint import PASSING_STATUS
from skylore.vlm.faults import PassingError
from skylore.vlm.replies import read_reply
from skylore.vlm.tariff import Tariff

__all__ = ["read_results"]

_LONGEST_FAULT = 500


class _Response(BaseModel):
    status_code: int
    body: Any = None


class _Error(BaseModel):
    code: str | None = None
    message: str | None = None


class _Line(BaseModel):
    custom_id: str
    response: _Response | None = None
    error: _Error | None = None


def read_results(
    path: Path, asked: dict[str, tuple[str, str, int]], *, model: str, tariff: Tariff
) -> Iterator[Settled]:
    """Read a file of answers or of errors.

    Lines that are none, or that answer what was not asked, tell nothing; what they were meant to
    answer is left unsettled.

    Parameters
    ----------
    path
        The file.
    asked
        Digests of image and prompt, and the money reserved, by the key of a request.
    model, tariff
        Who answered, and what tokens cost.
    """
    with path.open("rb") as file:
        for raw in file:
            try:
                line = _Line.model_validate_json(raw)
            except ValidationError:
                continue
            if line.custom_id in asked:
                yield _settled(line, *asked[line.custom_id], model=model, tariff=tariff)


def _settled(
    line: _Line, image: str, prompt: str, most: int, *, model: str, tariff: Tariff
) -> Settled:
    key, response = line.custom_id, line.response
    if response is None or response.status_code != 200:
        return _unanswered(line)
    try:
        reply = read_reply(response.body, None)
    except PassingError as fault:
        # It may have been charged for, and nobody says how much.
        return Settled(key, "failed", None, str(fault))
    cost = tariff.cost(reply, most)
    answer = reply.answer(key, image, prompt, model=model, cost=cost)
    return Settled(key, "answered", cost, "", answer)


def _unanswered(line: _Line) -> Settled:
    response, error = line.response, line.error
    if response is None:
        told = (error.message or error.code if error else None) or "the batch gives no answer"
        return Settled(line.custom_id, "failed", 0, told[:_LONGEST_FAULT])
    status = response.status_code
    told = f"status {status}: {_message(response.body)}"[:_LONGEST_FAULT]
    passing = status in PASSING_STATUS or status >= 500
    return Settled(line.custom_id, "failed" if passing else "refused", 0, told)


def _message(body: object) -> str:
    if isinstance(body, dict):
        error = body.get("error")
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            return str(error["message"])
    return json.dumps(body)
