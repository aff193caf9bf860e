"""What personal data the scrubber leaves, and how fast it is: `python -m benchmarks.scrub --items 2000 --json`.

Made-up values of all structured kinds are planted in sentences of six languages and scrubbed; `learning.residual` counts what
is left. The same values are then looked for once more, one by one, by a pattern that allows anything but letters and digits
between their letters and digits: code that neither the scrubber nor that count has. Both counts must agree.

left, independent    structured values still there: as `learning.residual` prints it in a manifest, and as it is counted here
kinds, unsure        planted and left by kind; names and addresses apart, of which nothing is promised
rows_per_s           rows of ordinary talk, with few personal things in them, about 1,000 letters each

The last line of the output is one JSON object; exit 1 when under 99 % are gone or the counts differ.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from typing import Final

from bot.training_types import Intent
from learning.planting import Planter
from learning.records import Agreement, Collected, Labelled, Labels, Said
from learning.residual import plant, residual, scrubbed
from learning.scrub import Scrubber

AIM: Final = 0.99
"""The share of structured values that must be gone (R-53)."""
_ROWS: Final = 1000
_TALK: Final = (
    "¿Me explicas cómo se pide una cita en el ayuntamiento? Fui el 12 de marzo y no había sitio hasta las 10:30. ",
    "Claro. Primero entra en la página, elige el trámite y el día; después te llega un aviso. Si no, prueba en otra oficina. ",
    "Could you help me with a recipe for 4 people? I have 500 g of flour, 3 eggs and about 20 minutes before they come. ",
    "Of course. Mix the flour with a pinch of salt, add the eggs one by one, and let it rest. Then bake it at 180 degrees. ",
)


def is_there(value: str, text: str) -> bool:
    """Whether the letters and digits of `value` are in `text` in their order with nothing but other signs between."""
    pattern = r"[\W_]*".join(re.escape(letter) for letter in re.sub(r"[\W_]+", "", value))
    return re.search(pattern, text, re.IGNORECASE) is not None


def talk(rows: int, seed: int) -> Iterator[Labelled]:
    """Rows as people talk: mostly nothing to hide, in every third one something."""
    planter = Planter(seed)
    labels = Labels(language="es", intent=Intent.CHAT, topic="", needs_context=False, agreement=Agreement.GOOD)
    for number in range(rows):
        personal = planter.planted(number).text if number % 3 == 0 else ""
        told = Collected(
            row=f"{number:06}",
            person="p",
            thread="t",
            asked_on="2026-11-20",
            channel="web",
            is_private=True,
            language="es",
            question=_TALK[number % 2 * 2] * 2 + personal,
            answer=_TALK[number % 2 * 2 + 1] * 3,
            history=(Said(question=_TALK[0] + str(number), answer=_TALK[1] * 2),),
            value=1,
        )
        yield Labelled(told=told, labels=labels)


def measure(items: int, *, seed: int = 0, rows: int = _ROWS) -> dict[str, object]:
    """Plant, scrub and count; then time ordinary rows."""
    counted = residual(seed, items)
    sure, unsure = plant(seed, items)
    independent = sum(is_there(item.value, text) for item, text in zip(sure, scrubbed(sure), strict=True))
    harmed = sum(is_there(item.value, item.text) for item in (*sure, *unsure))
    scrubber, ordinary = Scrubber(), list(talk(rows, seed))
    began = time.perf_counter()
    for row in ordinary:
        scrubber.scrub(row)
    spent = time.perf_counter() - began
    gone = 1 - counted.rate
    return {
        "benchmark": "scrub",
        "planted": counted.planted,
        "found_before": harmed - len(unsure),
        "left": counted.left,
        "independent": independent,
        "residual_rate": round(counted.rate, 5),
        "kinds": counted.kinds,
        "unsure": counted.unsure,
        "rows_per_s": round(rows / spent) if rows else 0,
        "passed": gone >= AIM and counted.left == independent and harmed == len(sure) + len(unsure),
    }


def main() -> int:
    """Print the figures; exit 1 when too much is left."""
    parser = argparse.ArgumentParser(description="What personal data the scrubber leaves, and how fast it is.")
    parser.add_argument("--items", type=int, default=2000, help="structured values to plant")
    parser.add_argument("--seed", type=int, default=0, help="what they are drawn from")
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    options = parser.parse_args()
    result = measure(options.items, seed=options.seed)
    if not options.json:
        for name, value in result.items():
            print(f"{name:14} {value}")
    print(json.dumps(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
