"""What the admins are to know, in words; pure."""

from __future__ import annotations

from bot.amounts import count, money
from bot.locale import say
from bot.types import AdminNotice, Language, Limit

GAP = "telegram.gap"
"""The kind of notice that says for how many `hours` Telegram was not listened to (R-05)."""
NIGHT_FAILED = "night_failed"
"""How the kind of notice begins that says that a nightly `job` failed: the job's name follows, behind a point."""


def notice_text(notice: AdminNotice, language: Language, currency: str) -> str:
    """One notice in a sentence, without its day; a kind that this version does not know, with its bare facts."""
    if notice.kind == GAP:
        return say(
            language,
            "Telegram was not listened to for {hours} hours; it keeps messages for 24, so that some may be lost",
            hours=notice.facts.get("hours", "?"),
        )
    if notice.kind.partition(".")[0] == NIGHT_FAILED:
        return say(
            language,
            "the nightly job {job} of {night} failed and is tried again: {error}",
            job=f"`{notice.facts.get('job', '?')}`",
            night=notice.facts.get("night", "?"),
            error=notice.facts.get("error", "?"),
        )
    most = notice.facts.get("limit", "")
    if notice.kind not in set(Limit) or not most.isdecimal():
        facts = ", ".join(f"{name}={fact}" for name, fact in sorted(notice.facts.items()))
        return f"{notice.kind} ({facts})" if facts else notice.kind
    limit = Limit(notice.kind)
    setting = f"limits.{limit.value}"
    if limit in (Limit.TOKENS, Limit.TOKENS_OF_ALL):
        amount = say(language, "{number} tokens", number=count(int(most), language))
    else:
        amount = money(int(most), currency, language)
    if limit in (Limit.TOKENS, Limit.MONEY):
        return say(
            language,
            "at least one person used up {setting} ({amount}); until 00:00 UTC the offline answerer goes on for them",
            setting=setting,
            amount=amount,
        )
    return say(
        language,
        "everyone together used up {setting} ({amount}); until 00:00 UTC the offline answerer goes on",
        setting=setting,
        amount=amount,
    )
