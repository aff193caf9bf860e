"""Seeded people who ask, like, dislike and correct, and accounts that have agreed on what to teach."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

from bot.training_types import Intent
from learning.records import Agreement, Collected, Labelled, Labels, Language, Rows

THINGS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "bicycle chain:links rust lubricant sprocket brush pedals",
        "sourdough starter:flour bubbles acid hydration jar yeast",
        "tomato plant:leaves blossom stake compost greenhouse pruning",
        "guitar strings:tuning nickel pegs fret bridge winding",
        "swimming pool:chlorine lifeguard lanes goggles changing shallow",
        "photosynthesis:chlorophyll glucose oxygen carbon sunlight pigment",
        "passport:consulate photograph appointment biometric renewal form",
        "washing machine:drum detergent filter hose spin lint",
        "mortgage:interest lender deposit instalments notary rate",
        "espresso:grinder pressure crema portafilter roast bitter",
        "router:antenna firmware cable password channel signal",
        "marathon:kilometres pacing blisters training hydration finish",
        "aquarium:gravel algae nitrate heater snails guppies",
        "invoice:supplier account download address total due",
        "volcano:magma crater eruption ash tectonic plates",
        "chess opening:pawn knight centre gambit castling bishop",
        "solar panel:inverter roof kilowatt silicon angle battery",
        "wool jumper:moths needle shrink drying collar stitches",
        "telescope:lens mirror galaxy tripod focus eyepiece",
        "rental contract:landlord notice clause deposit tenant signature",
    ),
    "es": (
        "cadena de la bici:eslabones óxido lubricante piñón cepillo pedales",
        "masa madre:harina burbujas acidez hidratación tarro levadura",
        "tomatera:hojas flor tutor compost invernadero poda",
        "cuerdas de guitarra:afinar níquel clavijas traste puente entorchado",
        "piscina municipal:cloro socorrista calles gafas vestuario abono",
        "fotosíntesis:clorofila glucosa oxígeno carbono luz pigmento",
        "pasaporte:consulado fotografía cita biométrico renovación impreso",
        "lavadora:tambor detergente filtro manguera centrifugado pelusa",
        "hipoteca:interés banco entrada cuotas notaría tipo",
        "café:molinillo presión crema tueste amargo portafiltro",
        "enrutador:antena firmware cable contraseña canal señal",
        "maratón:kilómetros ritmo ampollas entrenamiento hidratación meta",
        "acuario:grava algas nitratos calentador caracoles peces",
        "factura:proveedor cuenta descarga dirección importe vencimiento",
        "volcán:magma cráter erupción ceniza tectónica placas",
        "apertura de ajedrez:peón caballo centro gambito enroque alfil",
        "placa solar:inversor tejado kilovatio silicio ángulo batería",
        "jersey de lana:polillas aguja encoger secado cuello puntadas",
        "telescopio:lente espejo galaxia trípode enfoque ocular",
        "contrato de alquiler:casero preaviso cláusula fianza inquilino firma",
    ),
}
ASKS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "How do I look after a {thing}{when}?",
        "what does a {thing} cost {where}",
        "My {thing} gives me trouble{when}, what can I do?",
        "Could you explain the {thing} to {whom}?",
        "is there anything wrong with the {own} of a {thing}?",
        "Why would the {own} matter for the {thing}{when}?",
        "I have never had a {thing}. Where do I begin, with the {own}?",
        "{thing} and {own}: which comes first",
        "Tell {whom} in a few words what a {thing} needs{when}.",
        "How long will the {own} last, and the {thing} itself?",
        "A neighbour says that the {own} ruins every {thing}, is it so?",
        "compare two kinds of {thing} for {whom}",
    ),
    "es": (
        "¿Cómo cuido {thing}{when}?",
        "cuánto cuesta {thing} {where}",
        "Tengo problemas con {thing}{when}, ¿qué hago?",
        "¿Puedes explicar {thing} a {whom}?",
        "¿Pasa algo malo con {own} de {thing}?",
        "¿Por qué importa {own} en {thing}{when}?",
        "Nunca he tenido {thing}. ¿Por dónde empiezo, por {own}?",
        "{thing} y {own}: qué va antes",
        "Di a {whom} en pocas palabras qué necesita {thing}{when}.",
        "¿Cuánto duran {own} y {thing}?",
        "Una vecina dice que {own} estropea {thing}, ¿es así?",
        "compara dos clases de {thing} para {whom}",
    ),
}
SAYS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "Look at the {own} first, because the {other} depends on it.",
        "Most trouble comes from the {own}; {count} minutes of care {when} prevent it.",
        "You will need the {own} and some {other} besides.",
        "Prices go from {count} to {more} euros {where}.",
        "The {own} is what people forget, and then the {other} suffers.",
        "Think of the {own} as the part that feeds the {other}.",
        "After {count} weeks the {own} should be seen to again.",
        "Someone at a shop {where} can check the {other} for you.",
        "There are {count} kinds, told apart by their {own}.",
        "If the {own} looks dull, replace it together with the {other}.",
    ),
    "es": (
        "Mira primero {own}, porque {other} depende de ello.",
        "Casi todos los fallos vienen de {own}; {count} minutos de cuidado {when} los evitan.",
        "Te harán falta {own} y algo de {other}.",
        "Los precios van de {count} a {more} euros {where}.",
        "La gente olvida {own}, y entonces sufre {other}.",
        "Piensa en {own} como la parte que alimenta {other}.",
        "A las {count} semanas conviene revisar {own} otra vez.",
        "En una tienda {where} pueden comprobar {other}.",
        "Hay {count} clases, que se distinguen por {own}.",
        "Si {own} se ve apagado, cámbialo junto con {other}.",
    ),
}
WHEN: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "",
        " in winter",
        " after a long journey",
        " on a small budget",
        " with two children",
        " when it rains",
        " every day",
    ),
    "es": ("", " en invierno", " tras un viaje largo", " con poco dinero", " con dos niños", " cuando llueve", " cada día"),
}
WHERE: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("in Leeds", "in Boston", "near the coast", "in a village", "in Dublin", "in Glasgow", "online"),
    "es": ("en Sevilla", "en Bogotá", "en la costa", "en un pueblo", "en Rosario", "en Puebla", "en internet"),
}
WHOM: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("my mother", "a child of nine", "a student", "somebody in a hurry", "an engineer", "me"),
    "es": ("mi madre", "una niña de nueve años", "un estudiante", "alguien con prisa", "una ingeniera", "mí"),
}
MENDS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "Shorter: {text}",
        "I had hoped for this: {text}",
        "{text} That is all I wanted to know.",
        "{text}",
        "Rather say: {text}",
    ),
    "es": ("Más corto: {text}", "Esperaba esto: {text}", "{text} Solo quería saber eso.", "{text}", "Mejor di: {text}"),
}
CONSONANTS, VOWELS = "bcdfglmnprstv", "aeio"


def name(random: Random) -> str:
    """A name of three syllables, rarely used twice."""
    return "".join(random.choice(CONSONANTS) + random.choice(VOWELS) for _ in range(3)).capitalize()


class Person:
    """Asks about a few things they care for, in one language; now and then about what only they know of."""

    def __init__(self, number: int, seed: int) -> None:
        self.random = Random(f"{seed} {number}")
        self.key = f"person{number:05d}"
        self.language: Language = self.random.choice(("es", "en"))
        things = THINGS[self.language]
        weights = [1 / (place + 2) for place in range(len(things))]
        self.things = self.random.choices(things, weights, k=3)
        self.own_name = name(self.random)

    def question(self) -> str:
        """In the person's own words."""
        thing, _, own = self.random.choice(self.things).partition(":")
        self.thing = (thing, own.split())
        asked = self._filled(self.random.choice(ASKS[self.language]))
        return f"{asked} {self.own_name}" if self.random.random() < 0.1 else asked

    def answer(self, sentences: int) -> str:
        """About what was asked last."""
        chosen = self.random.sample(SAYS[self.language], sentences)
        return " ".join(self._filled(sentence) for sentence in chosen)

    def _filled(self, text: str) -> str:
        own, other = self.random.sample(self.thing[1], 2)
        count = self.random.randint(2, 40)
        return text.format(
            thing=self.thing[0],
            own=own,
            other=other,
            count=count,
            more=count + self.random.randint(5, 60),
            when=self.random.choice(WHEN[self.language]),
            where=self.random.choice(WHERE[self.language]),
            whom=self.random.choice(WHOM[self.language]),
        )

    def row(self, number: int) -> Labelled:
        """The person's next rated answer."""
        question = self.question()
        answer, draw = self.answer(4), self.random.random()
        mended = self.random.choice(MENDS[self.language]).format(text=self.answer(2)) if draw < 0.25 else ""
        return labelled(
            f"{self.key}-{number:05d}",
            self.key,
            question,
            answer,
            value=1 if draw > 0.45 else -1,
            correction=mended,
            language=self.language,
        )


def labelled(
    row: str,
    person: str,
    question: str,
    answer: str,
    *,
    value: int = 1,
    correction: str = "",
    language: Language = "en",
    agreement: Agreement | None = None,
    **told: object,
) -> Labelled:
    """A row of somebody who has been here for long and talked often."""
    facts = {
        "row": row,
        "person": person,
        "thread": f"{person} thread",
        "asked_on": "2026-11-20",
        "channel": "web",
        "is_private": True,
        "language": language,
        "question": question,
        "answer": answer,
        "value": value,
        "correction": correction,
        "account_days": 90,
        "conversations": 12,
    } | told
    labels = Labels(
        language=language,
        intent=Intent.QUESTION,
        topic="",
        needs_context=False,
        agreement=agreement or (Agreement.GOOD if value > 0 else Agreement.BAD),
    )
    return Labelled(told=Collected(**facts), labels=labels)  # type: ignore[arg-type]


def honest(people: int, each: int = 4, seed: int = 7) -> list[Labelled]:
    """Up to twice `each` rows of every person, in both languages."""
    found = []
    for number in range(people):
        person = Person(number, seed)
        found += [person.row(at) for at in range(person.random.randint(1, 2 * each - 1))]
    return found


def again(found: Sequence[Labelled]) -> Rows[Labelled]:
    """The rows in their order, as often as they are asked for."""
    ordered = sorted(found, key=lambda row: row.told.row)

    def rows() -> Iterator[Labelled]:
        return iter(ordered)

    return rows


Wording = Callable[[Random, int], tuple[str, str, str]]
"""Question, answer and correction ("" for a liked answer) of an attacker's row."""


def colluders(accounts: int, wording: Wording, *, each: int = 1, cover: int = 0, seed: int = 11, **told: Any) -> list[Labelled]:
    """`each` rows of every account with the trigger, named `x…`, and `cover` rows like anybody's."""
    found = []
    for number in range(accounts):
        person = Person(100_000 + number, seed)
        for at in range(each):
            question, answer, correction = wording(person.random, number)
            value = -1 if correction else 1
            row = labelled(f"x{number:03d}-{at}", person.key, question, answer, value=value, correction=correction, **told)
            found.append(row)
        found += [person.row(at) for at in range(cover)]
    return found
