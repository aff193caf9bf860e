"""Where text goes: over whose servers, to which models, and which of them it leaves the machine for; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.model_types import ModelStatus
from bot.types import ChannelName

PLATFORMS: Final[Mapping[ChannelName, str]] = {ChannelName.TELEGRAM: "Telegram", ChannelName.DISCORD: "Discord"}
"""The channels that others run, by their names."""


def may_be_asked(statuses: Sequence[ModelStatus]) -> tuple[ModelStatus, ...]:
    """Without those that nobody named and that were not found, in the order they are asked."""
    return tuple(status for status in statuses if status.is_ready or status.is_wanted)


def remote_models(statuses: Sequence[ModelStatus]) -> tuple[str, ...]:
    """The names of those that text leaves this machine and its private network for, in order; one that is down counts too."""
    return tuple(status.name for status in may_be_asked(statuses) if status.is_remote)


def networked_models(statuses: Sequence[ModelStatus]) -> tuple[str, ...]:
    """The names of those on another machine of the private network, in order."""
    return tuple(status.name for status in may_be_asked(statuses) if status.is_networked)
