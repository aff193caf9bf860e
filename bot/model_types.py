"""The nouns around language models: how each is, what a local server has, and how far a download is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bot.errors import ModelError

Place = Literal["machine", "network", "remote"]
"""Where a model runs, and text goes: this machine, another one of its private network, or beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """Whether a model can answer, why not, and what to do, in words for people. `is_remote` says that text leaves the machine.

    `is_wanted` is False for a model that nobody named and that joins by itself once it is found (`auto`). `is_networked` says
    that it runs on another machine of the private network. `first_token_s` is how long a first token took, where tried.
    """

    name: str
    is_ready: bool
    is_remote: bool
    detail: str
    next_step: str = ""
    version: str = ""
    is_wanted: bool = True
    is_networked: bool = False
    first_token_s: float | None = None

    @property
    def place(self) -> Place:
        """Where it runs."""
        return "remote" if self.is_remote else "network" if self.is_networked else "machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledModel:
    """A model that a local server has. `size` is in bytes; `is_remote` says that the server only forwards to the cloud."""

    name: str
    size: int
    digest: str = ""
    is_remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProgress:
    """How far a download is, in bytes over all its layers; `total` is 0 while it is not known. `step` is the server's word."""

    step: str
    done: int = 0
    total: int = 0


class DownloadState(StrEnum):
    """Where a download stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A model's download as it stands. `error` says why it failed; `remaining_s` is None while that cannot be told."""

    model: str
    state: DownloadState
    progress: PullProgress
    error: ModelError | None = None
    remaining_s: float | None = None
