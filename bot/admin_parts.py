"""What the commands of admins are built from, wired."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Mapping

from bot.access import admin_users
from bot.admin_ports import AdminDesk
from bot.answer_desk import SharingDesk
from bot.config import Config
from bot.learning_desk import LearningDesk
from bot.learning_parts import LearningParts
from bot.ports import Clock
from bot.store.open import Stores


def admin_desk(
    config: Config, stores: Stores, learning: LearningParts, clock: Clock, ready: Callable[[], Awaitable[Mapping[str, str]]]
) -> AdminDesk:
    """The desk of a bot that begins now; `ready` says how each of its dependencies is."""
    return AdminDesk(
        audit=stores.audit,
        crowd=stores.crowd,
        blocks=stores.blocks,
        broadcasts=stores.broadcasts,
        training=LearningDesk(config, stores, learning),
        answers=SharingDesk(stores.sharing, own_names=frozenset({config.bot.name})),
        ready=ready,
        runs=stores.jobs.latest_runs,
        free_bytes=lambda: shutil.disk_usage(config.data_dir).free,
        began_at=clock.now(),
        admins=admin_users(config.admins),
    )
