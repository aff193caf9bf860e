"""What one night is told, so that it can run in a process of its own."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from learning.training_cost import Plan


class NightOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One night. `until` (UTC) bounds what is looked at; `zone` is the time zone of the dates; `folder` is absolute.

    `own_name` is the bot's, which scrubbing leaves; `plan` is what the report on the files reckons time and cost with.
    """

    data_dir: str
    folder: str
    night: date
    until: datetime
    zone: str
    busy_timeout_s: float
    keep: int
    parquet: bool
    trusted: tuple[str, ...]
    per_person: int
    min_account_days: int
    min_conversations: int
    own_name: str
    plan: Plan = Plan()
