"""What a server answered, read from a chat completion."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, Field, ValidationError

from skylore.vlm.calls import Call
from skylore.vlm.faults import PassingError
from skylore.vlm.store import Answer

__all__ = ["Reply", "read_reply"]


@dataclass(frozen=True)
class Reply:
    """What a server answered.

    Attributes
    ----------
    text, finish
        The words, and why they ended; ``refusal`` if the model refused in due form.
    tokens_in, tokens_out
        None if the server does not count.
    latency
        Seconds; None in batches.
    """

    text: str
    finish: str
    tokens_in: int | None
    tokens_out: int | None
    latency: float | None

    def answer_to(self, call: Call, key: str, *, model: str, cost: int) -> Answer:
        """Give it as the answer that is kept."""
        image = call.picture.digest if call.picture else ""
        return self.answer(key, image, call.prompt.digest, model=model, cost=cost)

    def answer(self, key: str, image: str, prompt: str, *, model: str, cost: int) -> Answer:
        """Give it as the answer that is kept, to a question that only its digests tell of."""
        return Answer(
            key=key,
            image=image,
            prompt=prompt,
            model=model,
            text=self.text,
            finish=self.finish,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            cost=cost,
            latency=self.latency,
        )


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def read_reply(content: object, latency: float | None) -> Reply:
    """Read a chat completion.

    Raises
    ------
    PassingError
        It is none.
    """
    try:
        answer = _Completion.model_validate(content)
    except ValidationError as error:
        reason = error.errors(include_input=False)[0]["msg"]
        raise PassingError(
            f"the answer is not a chat completion ({reason})", doubtful=True
        ) from None
    message, finish = answer.choices[0].message, answer.choices[0].finish_reason or "stop"
    if message.refusal or finish == "content_filter":
        finish = "refusal"
    usage = answer.usage
    return Reply(
        text=(message.refusal if finish == "refusal" else message.content) or "",
        finish=finish,
        tokens_in=usage.prompt_tokens if usage else None,
        tokens_out=usage.completion_tokens if usage else None,
        latency=latency,
    )
