"""What the likeness of two vectors means, whatever embedder made them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bot.types import Language

Floats = NDArray[np.float32]

MEANING: Final = 1.0
LETTERS: Final = 0.4
"""What vectors count beside words: those of a language model, and those of hashed letters, which mostly repeat the words."""

COMMONPLACES: Mapping[Language, tuple[str, ...]] = {
    "en": (
        "The bus was late again this morning.",
        "I bought some bread on the way home.",
        "It will rain at the weekend, they say.",
        "Thanks a lot, that is very kind of you!",
        "How are you today? All good here.",
        "The new film was longer than I thought.",
        "My neighbour is painting the door green.",
        "We played cards until midnight.",
        "I have to call the bank about a letter.",
        "She is learning to swim with her cousin.",
        "The battery of the phone is empty once more.",
        "Could you explain how a volcano works?",
        "There are too many e-mails in the office.",
        "Grandmother grows tomatoes behind the house.",
        "I slept badly and my back hurts.",
        "He wrote a program that sorts old photographs.",
    ),
    "es": (
        "El autobús llegó tarde otra vez esta mañana.",
        "Compré pan de camino a casa.",
        "Dicen que lloverá el fin de semana.",
        "¡Muchas gracias, qué amable de tu parte!",
        "¿Cómo estás hoy? Por aquí todo bien.",
        "La nueva película fue más larga de lo que pensaba.",
        "Mi vecino está pintando la puerta de verde.",
        "Jugamos a las cartas hasta la medianoche.",
        "Tengo que llamar al banco por una carta.",
        "Ella aprende a nadar con su prima.",
        "La batería del teléfono está vacía una vez más.",
        "¿Podrías explicar cómo funciona un volcán?",
        "Hay demasiados correos en la oficina.",
        "La abuela cultiva tomates detrás de la casa.",
        "Dormí mal y me duele la espalda.",
        "Él escribió un programa que ordena fotos viejas.",
    ),
}
"""What anybody might say: how near a question is to these tells what its nearness to a memory means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """Vectors of `COMMONPLACES` by one embedder, and what its vectors count beside words: `MEANING` or `LETTERS`.

    Cosines differ in level between embedders, languages and questions; how far they are above those of commonplaces in the
    memory's language can be compared (a cohort, as in speaker verification: Auckenthaler, Carey and Lloyd-Thomas 2000).
    """

    commonplaces: Mapping[Language, Floats]
    weight: float = MEANING

    def level(self, vector: Floats, language: Language) -> float:
        """The mean cosine of a question to the commonplaces of a language; 0 where they have another dimension."""
        rows = self.commonplaces.get(language)
        return float((rows @ vector).mean()) if rows is not None and rows.shape[1:] == vector.shape else 0.0
