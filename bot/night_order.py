"""What a night is told, out of the settings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from bot.config import Config
from bot.part_settings import MILLION
from learning.order import NightOrder
from learning.training_cost import Machine, Plan


def training_folder(config: Config) -> Path:
    """The absolute path of the training files."""
    return (config.data_dir / config.learning.folder).absolute()


def begins_at(config: Config, night: date) -> datetime:
    """When the night of that local date begins: what is asked later belongs to the next one."""
    return datetime(night.year, night.month, night.day, config.learning.hour, tzinfo=config.zone).astimezone(UTC)


def night_order(config: Config, night: date, until: datetime) -> NightOrder:
    """The order for that local date, of what was asked before `until`."""
    settings = config.learning
    return NightOrder(
        data_dir=str(config.data_dir.absolute()),
        folder=str(training_folder(config)),
        night=night,
        until=until,
        zone=config.zone.key,
        busy_timeout_s=config.store.busy_timeout_s,
        keep=settings.keep,
        parquet=settings.parquet,
        trusted=settings.trusted,
        per_person=settings.per_person,
        min_account_days=settings.min_account_days,
        min_conversations=settings.min_conversations,
        own_name=config.bot.name,
        plan=_plan(config),
    )


def _plan(config: Config) -> Plan:
    """How its host would train; a machine without a price is their own."""
    settings = config.learning
    prices = {
        Machine.CPU: settings.price_cpu,
        Machine.SMALL_GPU: settings.price_small_gpu,
        Machine.BIG_GPU: settings.price_big_gpu,
    }
    return Plan(
        parameters=settings.base_parameters * MILLION,
        currency=config.models.currency,
        hourly={machine: round(price * MILLION) for machine, price in prices.items() if price},
    )
