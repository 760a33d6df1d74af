"""The judges there are, by name."""

from __future__ import annotations

from typing import Any

from skylore.errors import ModelError
from skylore.evaluation.captions.judge import CaptionJudge
from skylore.vlm.settings import is_by_model

__all__ = ["make_judge"]


def make_judge(name: str, **asked: Any) -> CaptionJudge:  # noqa: ANN401 - as ModelCaptionJudge
    """Make a judge by name.

    Parameters
    ----------
    name
        ``keywords``, which needs no network; or ``openai:MODEL``, a language model on a server.
    **asked
        For a model, as :class:`skylore.evaluation.captions.by_model.ModelCaptionJudge` takes them.

    Raises
    ------
    ModelError
        There is no such judge, or the model cannot be asked so.
    TypeError
        What only a model is asked was given for ``keywords``.
    """
    if is_by_model(name):
        from skylore.evaluation.captions.by_model import ModelCaptionJudge

        return ModelCaptionJudge(name, **asked)
    from skylore.evaluation.captions.keywords import KeywordJudge

    if name != "keywords":
        raise ModelError(f"there is no judge {name!r}; there are: keywords, openai:MODEL")
    if asked:
        raise TypeError(f"{', '.join(asked)}: only for judges such as openai:MODEL")
    return KeywordJudge.shipped()
