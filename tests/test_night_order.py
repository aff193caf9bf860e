"""What a night is told, out of the settings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from bot.config import load_config
from bot.night_order import begins_at, night_order
from learning.training_cost import PARAMETERS, Machine, Plan

NIGHT = date(2026, 7, 3)
UNTIL = datetime(2026, 7, 3, tzinfo=UTC)


def order_with(folder: Path, **settings: str) -> tuple[Plan, datetime]:
    """The plan of that night's order, and when it begins."""
    config = load_config(environ=settings, folder=folder, data_dir=folder / "data")
    return night_order(config, NIGHT, UNTIL).plan, begins_at(config, NIGHT)


def test_machines_without_a_price_are_ones_own(tmp_path: Path) -> None:
    plan, _ = order_with(tmp_path)
    assert plan == Plan(parameters=PARAMETERS, currency="EUR")


def test_report_reckons_with_the_prices_and_the_model_of_the_settings(tmp_path: Path) -> None:
    plan, _ = order_with(
        tmp_path,
        MARTIN_MODELS__CURRENCY="USD",
        MARTIN_LEARNING__BASE_PARAMETERS="7000",
        MARTIN_LEARNING__PRICE_SMALL_GPU="0.5",
        MARTIN_LEARNING__PRICE_BIG_GPU="2.25",
    )
    assert plan == Plan(
        parameters=7_000_000_000,
        currency="USD",
        hourly={Machine.SMALL_GPU: 500_000, Machine.BIG_GPU: 2_250_000},
    )


def test_a_night_begins_at_the_local_hour(tmp_path: Path) -> None:
    _, begins = order_with(tmp_path, MARTIN_STORE__TIMEZONE="America/Lima", MARTIN_LEARNING__HOUR="5")
    assert begins == datetime(2026, 7, 3, 10, tzinfo=UTC)
