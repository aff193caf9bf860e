"""What waits for an admin before training files may have it: shown one by one, approved, rejected, or left for later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from bot.admin_ports import AdminDesk
from bot.admin_types import WaitingQuestion, WaitsFor
from bot.errors import StoreError, TrainingError
from bot.locale import say
from bot.ports import Preview, Services
from bot.types import Choice, Chosen, Language, Turn
from bot.writes import DecideTraining, Write
from handlers.admin_parts import Done, button, closing, is_answered, refused, told
from handlers.admin_queue_words import amount, described, title
from handlers.admin_rows import next_asked, unreadable, withdrawing
from handlers.wording import as_code

QUEUE: Final = "queue"
COHORT: Final = "cohort"
"""What an admin decides about all rows of a small cohort. It can be named at any time, to take back what was decided."""
_LONGEST_SHOWN: Final = 40
_DECISIONS: Final[Mapping[str, bool]] = {"approve": True, "aprobar": True, "reject": False, "rechazar": False}
_COHORTS: Final = {COHORT: COHORT, "cohorte": COHORT}


class QueueAction:
    """`/admin queue`: one question at a time; every decision leads to the next one.

    A button names its question by what that was when it was shown, so it works for as long as that waits unchanged.
    """

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._services, self._training = services, desk.training

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """The first question; or a decision about what is named."""
        word, *names = argument.split() or [""]
        is_approved = _DECISIONS.get(word.lower())
        if word and (is_approved is None or not names):
            return refused(_ways(turn.language), "unknown")
        try:
            waiting = await self._training.waiting()
        except (TrainingError, StoreError) as error:
            return unreadable(turn.language, error)
        if is_approved is None:
            return self._shown(turn, waiting)
        return self._named(turn, waiting, names, is_approved=is_approved)

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """A decision, or none, and the question after it; a cohort is asked about once more before."""
        language = turn.language
        if is_answered(turn):
            text = say(language, "You have already answered that. `/admin queue` shows what waits.")
            return refused(text, "answered")
        try:
            waiting = await self._training.waiting()
        except (TrainingError, StoreError) as error:
            return unreadable(language, error)
        return self._pressed(turn, chosen, wish, waiting)

    def _pressed(self, turn: Turn, chosen: Chosen, wish: str, waiting: Sequence[WaitingQuestion]) -> Done:
        verb, _, named = wish.partition(".")
        name, _, digest = named.partition(".")
        found = next((place for place, one in enumerate(waiting) if one.subjects[0] == name), None)
        if name and (found is None or digest != _digest(waiting[found])):
            return self._gone(turn, chosen, waiting, name)
        place, following = (0, 0) if found is None else (found, found + 1)
        if name in ("", COHORT) and verb != "later":
            return self._of_cohort(turn, chosen, verb, waiting, place=place, following=following)
        match verb:
            case "approve" | "reject":
                subjects = waiting[place].subjects
                return self._decided(turn, waiting, subjects, closing(chosen), is_approved=verb == "approve", place=place)
            case "good" | "bad":
                return self._sided(turn, waiting, place, closing(chosen), is_good=verb == "good")
            case _:
                return self._shown(turn, waiting, *withdrawing(turn, chosen), place=following, result="later", subject=name)

    def _of_cohort(
        self, turn: Turn, chosen: Chosen, verb: str, waiting: Sequence[WaitingQuestion], *, place: int, following: int
    ) -> Done:
        """About everybody's rows it is asked once more before anything is decided."""
        is_approved = verb in ("approve", "sure-approve")
        match verb:
            case "approve" | "reject":
                return _confirming(turn, waiting[place], *withdrawing(turn, chosen), is_approved=is_approved)
            case "sure-approve" | "sure-reject":
                return self._decided(turn, waiting, (COHORT,), closing(chosen), is_approved=is_approved, place=place)
            case _:
                lead, writes = say(turn.language, "Good, nothing was decided."), (closing(chosen),)
                return self._shown(turn, waiting, *writes, place=following, lead=lead, result="cancelled", subject=COHORT)

    def _shown(
        self,
        turn: Turn,
        waiting: Sequence[WaitingQuestion],
        *writes: Write,
        place: int = 0,
        lead: str = "",
        result: str = "shown",
        subject: str = "",
    ) -> Done:
        """What was done, and the question at that place, if there is one."""
        language = turn.language
        if place >= len(waiting):
            text = "\n\n".join(filter(None, (lead, self._end(language, has_more=bool(waiting)))))
            return told(text, *writes, result=result, subject=subject)
        one = waiting[place]
        head = say(
            language, "**{number} of {count}** · {title}", number=place + 1, count=len(waiting), title=title(language, one.why)
        )
        text, kept = [
            "\n\n".join(filter(None, (lead, head, *described(language, each))))
            for each in (one, replace(one, rows=(), shared=()))
        ]
        choices, subject = _choices(language, one), subject or one.subjects[0]
        return next_asked(turn, text, choices, *writes, kept=kept, result=result, subject=subject)

    def _end(self, language: Language, *, has_more: bool) -> str:
        if has_more:
            return say(language, "That was the last one. What you left waits: `/admin queue` begins again with it.")
        if not self._training.is_on:
            return say(
                language,
                "Nothing waits for you, and nights make no training files: `enabled` under `[learning]` in `config.toml` is "
                "`false`.",
            )
        return say(language, "Nothing waits for you now. The next night may bring something.")

    def _decided(
        self,
        turn: Turn,
        waiting: Sequence[WaitingQuestion],
        subjects: Sequence[str],
        *writes: Write,
        is_approved: bool,
        place: int = 0,
        subject: str = "",
    ) -> Done:
        """Subjects are decided about; the question that stood behind them is shown, or the first one behind the last."""
        left = [one for one in waiting if not set(subjects).issuperset(one.subjects)]
        return self._shown(
            turn,
            left,
            *(DecideTraining(subject=one, is_approved=is_approved) for one in subjects),
            *writes,
            place=place if place < len(left) else 0,
            lead=_noted(turn.language, subjects, is_approved=is_approved),
            result="approved" if is_approved else "rejected",
            subject=subject or subjects[0],
        )

    def _sided(self, turn: Turn, waiting: Sequence[WaitingQuestion], place: int, *writes: Write, is_good: bool) -> Done:
        """Of opposite ratings one side is right: its rows come in, and those of the other stay out."""
        one = waiting[place]
        left = [other for other in waiting if other is not one]
        return self._shown(
            turn,
            left,
            *(DecideTraining(subject=row, is_approved=(row in one.liked) is is_good) for row in one.subjects),
            *writes,
            place=place if place < len(left) else 0,
            lead=say(turn.language, "Noted: the rows that say so count from the next night on, and the others stay out."),
            result="good" if is_good else "bad",
            subject=one.subjects[0],
        )

    def _named(self, turn: Turn, waiting: Sequence[WaitingQuestion], names: Sequence[str], *, is_approved: bool) -> Done:
        """A decision about subjects that an admin names; about nothing where one of them is not known."""
        language = turn.language
        known = {subject.lower(): subject for one in waiting for subject in one.subjects} | _COHORTS
        unknown = next((name for name in names if name.lower() not in known), None)
        if unknown is not None:
            text = say(
                language,
                "Nothing that waits is called {name}. `python -m bot data queue` shows names; `/admin queue` needs none.",
                name=as_code(unknown[:_LONGEST_SHOWN]),
            )
            return refused(text, "unknown")
        subjects = tuple(dict.fromkeys(known[name.lower()] for name in names))
        if subjects == (COHORT,):
            cohort = next((one for one in waiting if one.subjects == subjects), None)
            return _confirming(turn, cohort, is_approved=is_approved)
        if COHORT in subjects:
            return refused(say(language, "Decide about `cohort` by itself: it is about everybody's rows."), "not alone")
        if is_approved and any(_has_both_sides(one, subjects) for one in waiting):
            text = say(
                language,
                "These are rows of both sides: approved together, none comes in. Name the rows of the side that is right.",
            )
            return refused(text, "both sides")
        return self._decided(turn, waiting, subjects, is_approved=is_approved, subject=" ".join(subjects))

    def _gone(self, turn: Turn, chosen: Chosen, waiting: Sequence[WaitingQuestion], name: str) -> Done:
        """What a button was about is decided, or waits no more."""
        lead = say(
            turn.language, "That is not as it was shown any more: it was decided meanwhile, or it is about other rows now."
        )
        done = self._shown(turn, waiting, *withdrawing(turn, chosen), lead=lead, result="gone", subject=name)
        return replace(done, outcome=replace(done.outcome, is_refused=True))


def _has_both_sides(one: WaitingQuestion, subjects: Sequence[str]) -> bool:
    """Whether these are all rows of an answer that people rated differently: those who liked it, and those who did not."""
    return one.why is WaitsFor.OPPOSITE_RATINGS and set(subjects).issuperset(one.subjects)


def _key_of(one: WaitingQuestion) -> str:
    """How a button names a question: by its first subject, and by what it was when it was shown."""
    return f"{one.subjects[0]}.{_digest(one)}"


def _digest(one: WaitingQuestion) -> str:
    """Another one once the question is about other rows; of a cohort, once it is of more people."""
    about = "\n".join((*one.subjects, "", *one.liked, str(one.people if one.why is WaitsFor.COHORT else "")))
    return blake2b(about.encode(), digest_size=4).hexdigest()


def _confirming(turn: Turn, cohort: WaitingQuestion | None, *writes: Write, is_approved: bool) -> Done:
    """Whether a small cohort is really to come in, or to stay out. Where it does not wait, its button looks nothing up."""
    language, name = turn.language, _key_of(cohort) if cohort else ""
    if is_approved:
        text = say(
            language,
            "All rows of these few people that pass the other rules would be in the training files from the next night on, "
            "until you reject it: what a single person says weighs much there. Shall I let them in?",
        )
        yes = button(QUEUE, f"sure-approve.{name}", say(language, "Yes, let them in"))
    else:
        text = say(
            language,
            "Rows of a small cohort would stay out of the training files until you approve it. Shall I keep them out?",
        )
        yes = button(QUEUE, f"sure-reject.{name}", say(language, "Yes, keep them out"))
    parts = (amount(language, cohort), text) if cohort else (text,)
    choices = (yes, button(QUEUE, f"no.{name}", say(language, "No")))
    return next_asked(turn, "\n\n".join(parts), choices, *writes, result="asked", subject=COHORT)


def _choices(language: Language, one: WaitingQuestion) -> list[Choice]:
    name = _key_of(one)
    approve = button(QUEUE, f"approve.{name}", say(language, "Approve"))
    reject = button(QUEUE, f"reject.{name}", say(language, "Reject"))
    later = button(QUEUE, f"later.{name}", say(language, "Later"))
    if one.why is not WaitsFor.OPPOSITE_RATINGS:
        return [approve, reject, later]
    # Approving both sides lets in neither (`learning.guard`): a button for it would promise too much.
    sides = [
        (one.liked, button(QUEUE, f"good.{name}", say(language, "The answer is good"))),
        (set(one.subjects) - set(one.liked), button(QUEUE, f"bad.{name}", say(language, "The answer is bad"))),
    ]
    reject = button(QUEUE, f"reject.{name}", say(language, "Keep both out"))
    return [*(choice for rows, choice in sides if rows), reject, later]


def _noted(language: Language, subjects: Sequence[str], *, is_approved: bool) -> str:
    if COHORT in subjects:
        if is_approved:
            return say(
                language, "Approved: these rows count from the next night on. `/admin queue reject cohort` takes it back."
            )
        return say(language, "Rejected: rows of a small cohort stay out. `/admin queue approve cohort` lets them in later.")
    if is_approved:
        return say(language, "Approved. It counts from the next night on.")
    return say(language, "Rejected. It counts from the next night on.")


def _ways(language: Language) -> str:
    return say(
        language,
        "`/admin queue` shows what waits for you, one question at a time. Who knows names decides with "
        "`/admin queue approve NAME` and `/admin queue reject NAME`; several names at once are fine.",
    )
