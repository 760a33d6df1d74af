"""Which model judges images, in which words it is asked, and how images are shown to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from skylore.search.reranking.asked import load_judging_prompt
from skylore.vlm.pictures import IMAGE_SIZE, Detail, ViewSettings, make_view
from skylore.vlm.prompts import Prompt
from skylore.vlm.settings import PREFIX, SessionSettings, make_session_settings

__all__ = ["JudgeSettings"]


class JudgeSettings(BaseModel):
    """A model on a server, as a judge of images.

    Attributes
    ----------
    session
        Whom to ask, and for how much.
    prompt, view
        The words, and how images are shown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: SessionSettings
    prompt: Prompt
    view: ViewSettings

    @classmethod
    def build(
        cls,
        model: str,
        *,
        prompt: str | Path | None = None,
        image_size: int = IMAGE_SIZE,
        detail: Detail = "high",
        **session: Any,  # noqa: ANN401 - as make_session_settings takes them
    ) -> Self:
        """Bring what users say into this form.

        Parameters
        ----------
        model
            ``openai:MODEL``.
        prompt
            A file in place of the prompt that ships.
        image_size, detail
            How images are shown.
        **session
            As :func:`skylore.vlm.settings.make_session_settings` takes them: ``base_url``,
            ``budget``, ``price_in``, ``price_out``, ``concurrency`` …

        Raises
        ------
        ModelError
            Something is missing, or not what it should be.
        """
        return cls(
            session=make_session_settings(model, **session),
            prompt=load_judging_prompt(prompt),
            view=make_view(image_size, detail),
        )

    @property
    def name(self) -> str:
        """The model, as users write it."""
        return f"{PREFIX}{self.session.model}"
