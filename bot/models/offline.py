"""Answers without a language model: put together from the evidence of the prompt, and honest when there is none."""

from __future__ import annotations

import asyncio
import math
import re
import zlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from bot.lexical import fold, guess_language, tokens, words
from bot.locale import say
from bot.model_types import ModelStatus
from bot.models.passages import formed
from bot.ports import Clock
from bot.tokens import estimate_tokens
from bot.types import Chunk, Evidence, EvidenceKind, Flag, Generation, Language, Prompt

_NAME = "offline"
_PIECE = re.compile(r"\S+\s*|\s+")
_BREATH = 32
"""Words between two visits to the event loop."""
_QUOTED = 140
_SAME = 0.95
"""From this score on, evidence belongs to the very question that is asked."""
_SEE_ALSO = 2
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")
_RANK = {
    EvidenceKind.CORRECTION: 0,
    EvidenceKind.LIKED: 1,
    EvidenceKind.APPROVED: 2,
    EvidenceKind.KNOWLEDGE: 3,
}
_OWN = (EvidenceKind.CORRECTION, EvidenceKind.LIKED)

_LEAST = {EvidenceKind.FACT: 0.5, EvidenceKind.MEMORY: 0.8, EvidenceKind.ANSWERED: 0.8}
"""The score from which on what is remembered is an answer: a fact stands for itself, what was merely said seldom does."""
_SURE = 0.9
"""The score from which on a fact answers any question: all of its rare words are in the fact."""
_FACT_FIRST = 0.15
"""So much less may a fact score than what was said, and still be told first."""
_TELLING_SHARE = 0.9
_MOST_FACTS = 3
_LONGEST_MEMORY = 400
_ASKER_TEXT = {
    "own": """i my mine myself we our ours us yo mi mis mio mia mios mias conmigo nuestro nuestra nuestros nuestras nos soy
        estoy tengo llamo""",
    "asking": "que cual cuales cuando cuanto cuanta cuantos cuantas donde adonde quien quienes como",
    "naming": "el la los las un una al del de en con por para este esta ese esa es son se su sus the a an",
    "doing": "do does did can could should would to",
}
_ASKER = {sort: frozenset(text.split()) for sort, text in _ASKER_TEXT.items()}
"""Words that tell whether a question is about who asks it, folded."""

_TALK_TEXT = {
    "greeting": """hola, buenas, buenos dias, buen dia, buenas tardes, buenas noches, hey, ey, oye, saludos, que hay,
        holi, muy buenas, hello, hi, hiya, good morning, good afternoon, good evening, greetings, howdy, there,
        encantado, encantada, nice to meet you, mucho gusto""",
    "mood": """que tal, que tal estas, que tal todo, como estas, como te va, como va, como andas, que pasa, todo
        bien, how are you, how are you doing, how are you today, how is it going, how it going, how are things, what
        is up, what up, whats up, how do you do""",
    "thanks": """gracias, muchas gracias, mil gracias, muchisimas gracias, te lo agradezco, thanks, thank you, thank
        you so much, thank you very much, thanks a lot, many thanks, thx, ty""",
    "farewell": """adios, hasta luego, hasta pronto, hasta manana, hasta la vista, chao, chau, nos vemos, bye, bye bye,
        goodbye, good bye, see you, see you later, see you tomorrow, see you soon, good night, take care""",
    "assent": """ok, okay, vale, de acuerdo, perfecto, perfect, genial, estupendo, bien, muy bien, great, cool, nice,
        fine, good, very good, entendido, got it, si, no, yes, claro, sure, all right, alright, i see, ya veo, muy
        util""",
    "self": """quien eres, quien eres tu, que eres, que eres tu, como te llamas, cual es tu nombre, eres un bot,
        eres un robot, presentate, hablame de ti, cuentame sobre ti, who are you, what are you, what is your name,
        what your name, are you a bot, are you a robot, introduce yourself, tell me about yourself""",
    "skill": """que puedes hacer, que sabes hacer, que haces, que sabes, en que puedes ayudarme, en que me puedes
        ayudar, como me puedes ayudar, como puedes ayudarme, puedes ayudarme, me puedes ayudar, ayuda, ayudame,
        necesito ayuda, para que sirves, que te puedo preguntar, what can you do, what can you do for me, how can you
        help me, can you help me, help, help me, i need help, what do you do, what can i ask, what can i ask you, what
        do you know""",
}
_TALK = {" ".join(phrase.split()): sort for sort, text in _TALK_TEXT.items() for phrase in text.split(",")}
_LONGEST_PHRASE = max(phrase.count(" ") + 1 for phrase in _TALK)
_FILLERS = frozenset(
    {"martin", "bot", "amigo", "amiga", "friend", "por", "favor", "please", "y", "and", "pues", "well", "tio", "mate"}
)
_WEIGHTIEST = ("skill", "self", "mood", "thanks", "farewell", "greeting", "assent")
_ASKING = frozenset({"self", "skill"})
_DRAWN_OUT = re.compile(r"(.)\1{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said, and what is to be known of it."""

    text: str
    flags: frozenset[Flag] = frozenset()


class OfflineModel:
    """The chat model that is always there. It reads only the prompt it is given, and nothing leaves the process."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    @property
    def name(self) -> str:
        """`offline`."""
        return _NAME

    async def check(self, language: Language = "en") -> ModelStatus:
        """Always ready, never remote."""
        detail = say(
            language,
            "it answers from corrections, liked answers, memories and the knowledge folder, without a language model",
        )
        return ModelStatus(name=_NAME, is_ready=True, is_remote=False, detail=detail)

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        """Yield the answer word by word, the last chunk empty with the generation, which carries UNKNOWN for "I do not know".

        Tokens are estimated. `temperature` changes nothing: the same prompt gets the same answer.
        """
        began = self._clock.monotonic()
        answer = compose(prompt)
        tokens_of_all = estimate_tokens(answer.text)
        room = len(answer.text) * min(max_tokens, tokens_of_all) // max(tokens_of_all, 1)
        said, first, is_cut = 0, None, False
        for count, piece in enumerate(_PIECE.findall(answer.text)):
            if said + len(piece) > room:
                is_cut = True
                break
            if count % _BREATH == 0:
                await asyncio.sleep(0)
            first = self._clock.monotonic() - began if first is None else first
            said += len(piece)
            yield Chunk(text=piece)
        generation = Generation(
            model=_NAME,
            prompt_tokens=sum(estimate_tokens(text) for text in (prompt.question, *(one.text for one in prompt.evidence))),
            completion_tokens=estimate_tokens(answer.text[:said]),
            seconds=self._clock.monotonic() - began,
            stop="length" if is_cut else "end",
            first_token_s=first,
            flags=answer.flags,
            is_counted=False,
        )
        yield Chunk(text="", generation=generation)

    async def aclose(self) -> None:
        """Nothing to let go of."""


def compose(prompt: Prompt) -> Answer:
    """The answer that the evidence supports: what the person taught first, then what they told, then what everybody may know.

    What they told answers only a question about themselves; for any other it is mentioned where nothing else is known. Small
    talk is returned, unless the person has taught something for it. Without evidence it says that it does not know.
    """
    is_about_asker = about_asker(prompt.question)
    found = [item for item in prompt.evidence if item.text.strip()]
    # What is true of whoever wrote an answer for everybody need not be true of who asks about themselves.
    fit = [item for item in found if not (is_about_asker and item.kind is EvidenceKind.APPROVED)]
    evidence = sorted((item for item in fit if item.kind in _RANK), key=_usefulness)
    remembered = _remembered(found, prompt)
    talk = _small_talk(prompt.question)
    own = bool(evidence) and evidence[0].kind is not EvidenceKind.KNOWLEDGE
    if talk and not own and (not evidence or talk not in _ASKING):
        return Answer(text=_return_talk(talk, prompt))
    if own:
        return Answer(text=_quoted(evidence[0], prompt.language))
    is_better = bool(remembered) and (not evidence or remembered[0].score >= evidence[0].score)
    if is_better and (is_about_asker or _is_told_for(prompt, remembered[0], evidence)):
        return Answer(text=_from_memory(remembered, prompt.language))
    if evidence:
        return Answer(text=_from_knowledge(evidence, prompt))
    return Answer(text=_unknown(prompt.language, remembered), flags=frozenset({Flag.UNKNOWN}))


def _usefulness(item: Evidence) -> tuple[bool, int, float, float]:
    """What the person taught for this very question comes first, then by kind, score and age."""
    is_exact = item.kind in _OWN and item.score >= _SAME
    return (not is_exact, _RANK[item.kind], -item.score, -item.at.timestamp() if item.at else 0.0)


def _remembered(found: Sequence[Evidence], prompt: Prompt) -> list[Evidence]:
    """What is remembered and surely about the question, best first; a fact before what was said that fits a little better.

    What was said but adds no word to the question, such as the same question once before, tells nothing.
    """
    sure = [item for item in found if item.score >= _LEAST.get(item.kind, math.inf) and _adds_to(prompt, item)]
    return sorted(sure, key=lambda item: -item.score - _FACT_FIRST * (item.kind is EvidenceKind.FACT))


def _adds_to(prompt: Prompt, item: Evidence) -> bool:
    """Whether something remembered has a word that the question has not; a fact always tells something."""
    if item.kind is EvidenceKind.FACT:
        return True
    asked, told = (set(tokens(text, prompt.language)) for text in (prompt.question, item.text))
    return not told <= asked


def _is_told_for(prompt: Prompt, best: Evidence, others: Sequence[Evidence]) -> bool:
    """Whether a fact answers a question that is not about the asker: it fits it surely and best, and by several of its words.

    "Likes coffee." has the one word of "What is coffee?", and "The wifi password is 1234." both of what asks for that.
    """
    if best.kind is not EvidenceKind.FACT or best.score < _SURE or any(item.score >= best.score for item in others):
        return False
    asked, told = (set(tokens(text, prompt.language)) for text in (prompt.question, best.text))
    return len(asked & told) > 1


def _from_memory(remembered: Sequence[Evidence], language: Language) -> str:
    """The best of what is remembered; of facts, all that are about as good."""
    best, *others = remembered
    facts = [item for item in others if item.kind is EvidenceKind.FACT and item.score >= _TELLING_SHARE * best.score]
    told = [best, *(facts if best.kind is EvidenceKind.FACT else ())][:_MOST_FACTS]
    return "\n\n".join(_told(item, language) for item in told)


def _told(item: Evidence, language: Language) -> str:
    """A memory with its day and with who said it: words of somebody else are never the person's own."""
    said = _inline(item.text, _LONGEST_MEMORY)
    day = item.at.date().isoformat() if item.at is not None else say(language, "day unknown")
    if item.kind is EvidenceKind.FACT:
        return say(language, "From what you told me I noted: “{said}” ({day})", said=said, day=day)
    if item.kind is EvidenceKind.ANSWERED:
        return say(language, "You were answered: “{said}” ({day})", said=said, day=day)
    if item.title:
        name = _inline(item.title)
        return say(
            language, "In a conversation that was imported, {name} said: “{said}” ({day})", name=name, said=said, day=day
        )
    return say(language, "You told me: “{said}” ({day})", said=said, day=day)


def about_asker(question: str) -> bool:
    """Whether a question is about the person who asks it, not about how something is done or what something is.

    Spanish seldom says "I": after a question word, a last word in `-o`, `-é` or `-í` that nothing names is a verb («¿Dónde
    vivo?»).
    """
    said = words(question)
    folded = [fold(word) for word in said]
    if folded[:1] == ["how"] and _ASKER["doing"].intersection(folded[1:2]):
        return False
    if folded[:1] == ["como"] and not {"llamo", "llama", "llaman", "llamaba", "es", "era", "soy", "esta"}.intersection(folded):
        return False
    if _ASKER["own"].intersection(folded):
        return True
    asks = bool(_ASKER["asking"].intersection(folded[:2]))
    is_verb = len(said) > 1 and said[-1].endswith(("o", "é", "í")) and folded[-2] not in _ASKER["naming"]
    return asks and ("me" in folded or is_verb)


def _quoted(item: Evidence, language: Language) -> str:
    """Evidence that is an answer already, with a line that says whose it is."""
    text = _without_origin(item.text.strip()) if item.kind is EvidenceKind.LIKED else item.text.strip()
    lead = _only_in(text, language) if item.kind is EvidenceKind.APPROVED else []
    return "\n\n".join([*lead, text, _origin(item.kind, language, _inline(item.question or item.title))])


def _only_in(text: str, language: Language) -> list[str]:
    """That a text is in the other language, where it is."""
    written = guess_language(text)
    if written is None or written == language:
        return []
    return [say(language, "I have this only in Spanish:") if written == "es" else say(language, "I have this only in English:")]


def _origin(kind: EvidenceKind, language: Language, question: str) -> str:
    match kind:
        case EvidenceKind.CORRECTION:
            return say(language, "*From your own correction to “{question}”.*", question=question)
        case EvidenceKind.LIKED:
            return say(language, "*You liked this answer to “{question}”.*", question=question)
        case _:
            return say(language, "*An answer to “{question}” that was approved for everyone.*", question=question)


def _without_origin(text: str) -> str:
    """An answer without the line under it that said where it came from: a liked answer may itself have quoted another."""
    body, _, last = text.rpartition("\n\n")
    for kind in _OWN:
        for language in ("es", "en"):
            before, _, after = _origin(kind, language, "\0").partition("\0")
            if body and last.startswith(before) and last.endswith(after):
                return body
    return text


def _from_knowledge(evidence: Sequence[Evidence], prompt: Prompt) -> str:
    language, best = prompt.language, evidence[0]
    body = formed(best.text.strip(), best.question, prompt)
    parts = [*_only_in(best.text, language), *([f"**{_inline(best.question)}**"] if best.question else []), body]
    parts.append(say(language, "*Source: {file}*", file=_file(best.source)))
    others = {item.question: item for item in evidence[1:] if item.question and item.question != best.question}
    if others:
        named = "; ".join(f"{_inline(item.question)} ({_file(item.source)})" for item in list(others.values())[:_SEE_ALSO])
        parts.append(say(language, "*See also: {passages}*", passages=named))
    return "\n\n".join(parts)


def _inline(text: str, most: int = _QUOTED) -> str:
    """`text` as one short line in which no character is markup."""
    line = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", line if len(line) <= most else line[: most - 1].rstrip() + "…")


def _file(name: str) -> str:
    return f"`{' '.join(name.replace('`', chr(39)).split())}`"


def _unknown(language: Language, remembered: Sequence[Evidence] = ()) -> str:
    """That it does not know, with what the person once told about the matter."""
    return "\n\n".join(
        (
            say(language, "I do not know for sure. This may have to do with it:")
            if remembered
            else say(language, "I do not know: nothing that I hold answers this, and I do not make things up."),
            *(_told(item, language) for item in remembered[:1]),
            say(
                language,
                "What helps: ask in other words; press 👎 and write the right answer, and I will remember it for you; or put "
                "a document about it into the `knowledge/` folder.",
            ),
        )
    )


def _small_talk(question: str) -> str:
    """The weightiest sort of small talk that a message consists of; empty when it says anything else."""
    said = [_DRAWN_OUT.sub(r"\1", fold(word)) for word in words(question)]
    said = [word for word in said if word not in _FILLERS]
    if not said or len(said) > 12:
        return ""
    sorts: set[str] = set()
    while said:
        for size in range(min(_LONGEST_PHRASE, len(said)), 0, -1):
            if sort := _TALK.get(" ".join(said[:size])):
                sorts.add(sort)
                del said[:size]
                break
        else:
            return ""
    return next(sort for sort in _WEIGHTIEST if sort in sorts)


def _return_talk(sort: str, prompt: Prompt) -> str:
    """A reply in kind; which of the wordings depends on what was said, and on how far the conversation is."""
    variants = _wordings(sort, prompt.language)
    return variants[(zlib.crc32(fold(prompt.question).encode()) + len(prompt.history)) % len(variants)]


def _wordings(sort: str, language: Language) -> tuple[str, ...]:
    match sort:
        case "greeting":
            return (
                say(language, "Hello! What would you like to know?"),
                say(language, "Hi, good to see you. Ask me whatever you like."),
                say(language, "Hello! How can I help you?"),
            )
        case "mood":
            return (
                say(language, "All in order here, thank you. I am a program, so I am always fine. What can I do for you?"),
                say(language, "Running well, thanks for asking. What would you like to know?"),
            )
        case "thanks":
            return (
                say(language, "You are welcome!"),
                say(language, "Glad that it helped. Ask me again whenever you like."),
            )
        case "farewell":
            return (
                say(language, "Goodbye! I will be here."),
                say(language, "See you soon. What you taught me stays."),
            )
        case "assent":
            return (
                say(language, "All right. What else would you like to know?"),
                say(language, "Fine. Ask me whenever you like."),
            )
        case _:
            return (
                say(
                    language,
                    "I am an automated program that answers from documents, and from what you teach me with 👍, 👎 and your "
                    "corrections. Ask me how to use me, how to set me up, what I store about you, or how a model is trained "
                    "with your own conversations. `/help` lists the commands.",
                ),
            )
