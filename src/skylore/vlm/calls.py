"""One question to a model: its digest, its body in the chat-completions protocol, its bounds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from skylore.vlm.pictures import Picture
from skylore.vlm.prompts import Prompt

__all__ = ["Call"]

_OVERHEAD = 512
"""Tokens that a server may add around the messages."""


@dataclass(frozen=True)
class Call:
    """A question.

    Attributes
    ----------
    prompt
        Where its words come from.
    user
        The words, with all places filled.
    picture
        The image, or None for questions about a text.
    choices
        The answers to choose from; empty for free text.
    turns
        Earlier answers to this question, each with what was wrong with it.
    """

    prompt: Prompt
    user: str
    picture: Picture | None = None
    choices: tuple[str, ...] = ()
    turns: tuple[tuple[str, str], ...] = ()

    def corrected(self, answer: str, complaint: str) -> Self:
        """Ask again, saying what was wrong with the answer."""
        return replace(self, turns=(*self.turns, (answer, complaint)))

    def key(self, model: str) -> str:
        """Digest all that determines the answer: model, image, words and sampling."""
        asked = {
            "model": model,
            "image": self.picture.digest if self.picture else None,
            "system": self.prompt.system,
            "user": self.user,
            "choices": self.choices,
            "turns": self.turns,
            "max_tokens": self.prompt.max_tokens,
            "temperature": self.prompt.temperature,
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    @cached_property
    def most_tokens_in(self) -> int:
        """The most tokens that it may count: a token of text is at least a byte of it."""
        texts = [self.prompt.system, self.user, json.dumps(self._response_format() or {})]
        texts += [text for turn in self.turns for text in turn]
        image = self.picture.view.most_tokens if self.picture else 0
        return sum(len(text.encode()) for text in texts) + image + _OVERHEAD

    def body(self, model: str, image_url: str | None, tokens_field: str) -> dict[str, Any]:
        """Give the request's body.

        Parameters
        ----------
        model
            The server's name of it.
        image_url
            The drawn picture.
        tokens_field
            ``max_tokens`` or ``max_completion_tokens``, as the server understands it.
        """
        content: list[dict[str, Any]] = [{"type": "text", "text": self.user}]
        if self.picture and image_url:
            image = {"url": image_url, "detail": self.picture.view.detail}
            content.insert(0, {"type": "image_url", "image_url": image})
        messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
        if self.prompt.system:
            messages.insert(0, {"role": "system", "content": self.prompt.system})
        for answer, complaint in self.turns:
            messages.append({"role": "assistant", "content": answer or "(empty)"})
            messages.append({"role": "user", "content": complaint})
        body = {"model": model, "messages": messages, tokens_field: self.prompt.max_tokens}
        if self.prompt.temperature is not None:
            body["temperature"] = self.prompt.temperature
        if self.choices:
            body["response_format"] = self._response_format()
        return body

    def _response_format(self) -> dict[str, Any] | None:
        if not self.choices:
            return None
        schema = {
            "type": "object",
            "properties": {"answer": {"type": "string", "enum": list(self.choices)}},
            "required": ["answer"],
            "additionalProperties": False,
        }
        return {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": schema},
        }
