"""About how long a training would take and what it would cost, as ranges: the formula and what it rests on."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

OPERATIONS: Final = 6
"""For each token and parameter: twice forwards, four times backwards (Kaplan et al. 2020, section 2.1).

LoRA needs no gradients of the base's weights (two less), but its activations are usually computed twice to save memory (two
more).
"""
PARAMETERS: Final = 1_500_000_000
"""Of a base model that a small machine can train."""
EPOCHS: Final = 3
"""How often everything is seen; the default of TRL 1.x."""


class Machine(StrEnum):
    """Where a training runs."""

    CPU = "cpu"
    """Two to sixteen cores."""
    SMALL_GPU = "small_gpu"
    """8 to 16 GB of its own memory."""
    BIG_GPU = "big_gpu"
    """80 GB or more."""


SPEED: Final = {
    Machine.CPU: (2e10, 3e11),
    Machine.SMALL_GPU: (4e12, 2e13),
    Machine.BIG_GPU: (8e13, 3e14),
}
"""Operations per second that a training gets out of it, slow and fast; a guess to plan with, some 20 to 40 % of
what data sheets say.

Two cores of the machine this was written on (2026-11-22) multiply matrices of 2,048 float32 at 1.5e11 a second.
"""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How one would train. `hourly` has the price of an hour on a machine in millionths of `currency`; none: one's own."""

    parameters: int = PARAMETERS
    epochs: int = EPOCHS
    currency: str = ""
    hourly: dict[Machine, int] = {}


def tokens_per_second(machine: Machine, plan: Plan) -> tuple[float, float]:
    """How many tokens are learnt in a second, at least and at most."""
    slow, fast = SPEED[machine]
    return slow / (OPERATIONS * plan.parameters), fast / (OPERATIONS * plan.parameters)


def seconds(tokens: int, machine: Machine, plan: Plan) -> tuple[float, float]:
    """Tokens x epochs / tokens per second, at least and at most; loading and evaluating the model come on top."""
    slow, fast = tokens_per_second(machine, plan)
    return tokens * plan.epochs / fast, tokens * plan.epochs / slow


def cost(tokens: int, machine: Machine, plan: Plan) -> tuple[int, int] | None:
    """What those hours cost in millionths of the currency, at least and at most; None on one's own machine."""
    if (price := plan.hourly.get(machine)) is None:
        return None
    least, most = seconds(tokens, machine, plan)
    return round(least / 3600 * price), round(most / 3600 * price)
