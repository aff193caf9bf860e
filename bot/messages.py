"""A prompt as the messages that every chat interface takes: system, then question and answer by turns; pure.

What stays the same from turn to turn stands first, so that a server can reuse what it has read already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bot.control_tokens import BLOCK_NAMES, neutralise, neutralise_evidence
from bot.tokens import estimate_tokens
from bot.types import Evidence, EvidenceKind, Exchange, Language, Prompt

_FRAME_TOKENS: Final = 6
"""What a chat template puts around a message, and half of what opens the answer: Llama 3 spends five tokens, others fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message as chat interfaces take it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What a model reads around the data. `answers` name what an example holds, after the question that it once answered."""

    block: str
    kind: str
    source: str
    title: str
    date: str
    kinds: Mapping[EvidenceKind, str]
    asked: str
    anybody: str
    answers: Mapping[EvidenceKind, str]
    question: str


_WORDS: Final[Mapping[Language, _Words]] = {
    "es": _Words(
        block=BLOCK_NAMES["es"],
        kind="tipo",
        source="fuente",
        title="título",
        date="fecha",
        kinds={
            EvidenceKind.CORRECTION: "ejemplo: una corrección de esta persona",
            EvidenceKind.LIKED: "ejemplo: una respuesta que le gustó a esta persona",
            EvidenceKind.APPROVED: "ejemplo: una respuesta aprobada para todo el mundo",
            EvidenceKind.MEMORY: "recuerdo: se dijo en una conversación de esta persona",
            EvidenceKind.FACT: "recuerdo: un dato de esta persona",
            EvidenceKind.ANSWERED: "recuerdo: le respondiste esto a esta persona",
            EvidenceKind.KNOWLEDGE: "documento",
        },
        asked="Preguntó antes:",
        anybody="A quien pregunte:",
        answers={
            EvidenceKind.CORRECTION: "La respuesta correcta, según esta persona:",
            EvidenceKind.LIKED: "La respuesta que le gustó:",
            EvidenceKind.APPROVED: "La respuesta aprobada:",
        },
        question="Pregunta:",
    ),
    "en": _Words(
        block=BLOCK_NAMES["en"],
        kind="kind",
        source="source",
        title="title",
        date="date",
        kinds={
            EvidenceKind.CORRECTION: "example: a correction by this person",
            EvidenceKind.LIKED: "example: an answer that this person liked",
            EvidenceKind.APPROVED: "example: an answer approved for everyone",
            EvidenceKind.MEMORY: "memory: said in a conversation of this person",
            EvidenceKind.FACT: "memory: a fact about this person",
            EvidenceKind.ANSWERED: "memory: you answered this person so",
            EvidenceKind.KNOWLEDGE: "document",
        },
        asked="Asked before:",
        anybody="To whoever asks:",
        answers={
            EvidenceKind.CORRECTION: "The right answer, according to this person:",
            EvidenceKind.LIKED: "The answer that they liked:",
            EvidenceKind.APPROVED: "The approved answer:",
        },
        question="Question:",
    ),
}


def render(prompt: Prompt) -> tuple[Message, ...]:
    """The prompt's messages: one system message, the history by turns, and last the evidence with the question.

    Nothing in them but `prompt.system` can pass for the frame of a chat (R-44). An exchange without text on both sides is
    left out: some interfaces refuse empty messages.
    """
    past = [message for exchange in prompt.history for message in _exchange(exchange)]
    asked = neutralise(prompt.question)
    if prompt.evidence:
        words = _WORDS[prompt.language]
        asked = "\n\n".join([*(_block(piece, words) for piece in prompt.evidence), f"{words.question}\n{asked}"])
    return (Message(role="system", content=_system(prompt)), *past, Message(role="user", content=asked))


def prompt_tokens(prompt: Prompt) -> int:
    """About how many tokens the rendered prompt is, what a chat template adds included."""
    return _estimated(render(prompt))


def question_tokens(question: str) -> int:
    """About how many tokens a question adds to a prompt."""
    return estimate_tokens(neutralise(question))


def evidence_tokens(piece: Evidence, language: Language) -> int:
    """About how many tokens a piece of evidence adds to a prompt, at most: the first also puts a label before the question."""
    words = _WORDS[language]
    return estimate_tokens(f"{_block(piece, words)}\n\n{words.question}\n")


def exchange_tokens(exchange: Exchange) -> int:
    """About how many tokens an exchange adds to a prompt."""
    return _estimated(_exchange(exchange))


def _estimated(messages: Sequence[Message]) -> int:
    return sum(estimate_tokens(message.content) + _FRAME_TOKENS for message in messages)


def _system(prompt: Prompt) -> str:
    """Instructions, then how this person likes answers: a line each, the first of which is their heading."""
    if not prompt.directives:
        return prompt.system
    return "\n".join([prompt.system, "", *(_line(directive) for directive in prompt.directives)])


def _exchange(exchange: Exchange) -> tuple[Message, ...]:
    if not exchange.question.strip() or not exchange.answer.strip():
        return ()
    return (
        Message(role="user", content=neutralise(exchange.question)),
        Message(role="assistant", content=neutralise(exchange.answer)),
    )


def _block(piece: Evidence, words: _Words) -> str:
    """A piece of evidence between tags that nothing in it can close."""
    answer = words.answers.get(piece.kind) if piece.question else None
    body = neutralise_evidence(piece.text.strip())
    if answer is not None:
        asked = words.anybody if piece.kind is EvidenceKind.APPROVED else words.asked
        body = f"{asked} {_line(piece.question)}\n{answer} {body}"
    return f"<{words.block}{_attributes(piece, words)}>\n{body}\n</{words.block}>"


def _attributes(piece: Evidence, words: _Words) -> str:
    """What the piece is and where it comes from. Only documents have a source that a person knows: others are turns' ids."""
    named = {
        words.kind: words.kinds[piece.kind],
        words.source: piece.source if piece.kind is EvidenceKind.KNOWLEDGE else "",
        words.title: piece.title,
        words.date: piece.at.date().isoformat() if piece.at is not None else "",
    }
    return "".join(f' {name}="{_line(value).replace(chr(34), chr(39))}"' for name, value in named.items() if value)


def _line(text: str) -> str:
    """Data as one line."""
    return neutralise(" ".join(text.split()))
