"""The preference profile as its person sees it: shown, set by hand, switched off, taken away and erased; in private only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, cast

from bot.amounts import BLANK
from bot.locale import say
from bot.ports import Preview, Services
from bot.profile_types import Arm, ProfileEvent, ProfileEventKind
from bot.types import Choice, Language, Outcome, Reply, ReplyFile, Turn
from bot.writes import AddProfileEvent, CloseQuestion, DropProfile, Write
from handlers.asking import answer_to, asking, option
from handlers.privacy import HEADER
from handlers.questionnaire import QuestionnaireHandler
from profiles.events import DIMENSIONS, Dimension
from profiles.items import LENGTHS, Item, Part, comparable, load_questionnaire
from profiles.person import Profile, Profiles
from profiles.posterior import pole_word
from profiles.questionnaire import Mode, is_finished
from profiles.shown import (
    goal_in_words,
    length_in_words,
    level_in_words,
    pin_in_words,
    standing,
    summary,
    way_in_words,
)

PROFILE: Final = "profile"
_HAND: Final = "hand"
_ARMS: Final[Mapping[str, Arm | None]] = {"minus": -1, "none": 0, "plus": 1, "auto": None}
"""In the order of the buttons, which is that of the bar."""
_SETTABLE: Final = ("level", "goal", "length")
_ASKING: Final = frozenset({"show", "start", "quick", "continue", "check"})
"""What makes no sense without a profile but is a wish to have one."""
_WORDS: Final[Mapping[str, str]] = {
    "": "show",
    "on": "on", "encender": "on", "activar": "on",
    "off": "off", "apagar": "off", "desactivar": "off",
    "reset": "reset", "delete": "reset", "borrar": "reset",
    "neutral on": "neutral_on", "neutras si": "neutral_on",
    "neutral off": "neutral_off", "neutras no": "neutral_off",
    "start": "start", "empezar": "start",
    "quick": "quick", "rapido": "quick",
    "continue": "continue", "seguir": "continue", "continuar": "continue",
    "export": "export", "exportar": "export",
}  # fmt: skip
"""What may be written behind the command, as `comparable` gives it, and what it means."""


class ProfileHandler:
    """Shows a person their profile and does with it what they want. `asking` asks the questions that it is made of."""

    name = "profile"

    def __init__(self, services: Services, profiles: Profiles, asking: QuestionnaireHandler) -> None:
        self._services, self._profiles, self._asking = services, profiles, asking
        self._questionnaire = load_questionnaire()

    def matches(self, turn: Turn) -> bool:
        """`/profile`, or a press of one of its buttons."""
        return turn.command == "profile" or answer_to(turn, PROFILE) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What was asked for; nothing of a profile where others read along, or where there is none."""
        language = turn.language
        if not turn.message.is_private:
            text = say(
                language,
                "I show your profile only in a private chat, where nobody else reads it. Write /profile to me there.",
            )
            return Outcome(reply=Reply(text=text), is_refused=True)
        chosen = answer_to(turn, PROFILE)
        wish = _WORDS.get(comparable(turn.arguments)) if chosen is None else chosen.key
        if wish is None:
            return Outcome(reply=Reply(text=_usage(language)), is_refused=True)
        return await self._done(turn, await self._profiles.of(turn.person.id), wish)

    async def _done(self, turn: Turn, profile: Profile, wish: str) -> Outcome:
        """What the wish comes to. Who never agreed is invited where they seem to want a profile, and left alone else."""
        match wish.partition(".")[0]:
            case "export":
                return await self._export(turn, profile)
            case "reset" | "reset_yes" | "reset_no":
                return _reset(turn, profile, wish)
            case _ if not profile.consent and wish not in _ASKING:
                return Outcome(reply=Reply(text=_none_yet(turn.language)), is_refused=True)
            case _ if wish in _ASKING:
                return await (self._asked if profile.consent else self._invited)(turn, profile, wish)
            case "hand":
                return self._by_hand(turn, profile, wish)
            case _:
                return self._changed(turn, profile, wish)

    async def _asked(self, turn: Turn, profile: Profile, wish: str) -> Outcome:
        """The profile, or the questions. Before earlier answers count no more, the person is asked."""
        is_open = self._is_open(profile)
        if wish == "show" or (wish == "continue" and not is_open):
            return Outcome(reply=self._shown(turn.language, profile))
        mode = Mode.QUICK if wish == "quick" else Mode.FULL
        if profile.course is None:
            return await self._asking.begin(turn, profile, mode)
        if is_open and wish == "quick":
            lead = say(turn.language, "A questionnaire is open already; we go on with it.")
            return await self._asking.go_on(turn, profile, lead=lead)
        if is_open and wish != "start":
            return await self._asking.go_on(turn, profile)
        if wish == "check":
            return await self._asking.begin(turn, profile, Mode.RETEST)
        return self._asking.start_over(turn, profile, mode)

    async def _invited(self, turn: Turn, profile: Profile, wish: str) -> Outcome:
        return await self._asking.invite(turn, profile)

    def _is_open(self, profile: Profile) -> bool:
        return profile.course is not None and not is_finished(self._questionnaire, profile.course)

    # --- changes ---

    def _changed(self, turn: Turn, profile: Profile, wish: str) -> Outcome:
        """What a switch or a setting changes, with the profile as it is then."""
        language = turn.language
        match wish.split("."):
            case ["on" | "off"]:
                after, kind, data = replace(profile, is_on=wish == "on"), ProfileEventKind.SWITCH, {"on": wish == "on"}
                line = self._switched(language, after)
            case ["neutral_on" | "neutral_off"]:
                takes_part = wish == "neutral_on"
                after, kind = replace(profile, takes_part=takes_part), ProfileEventKind.MEASURE
                data, line = {"takes_part": takes_part}, _measured(language, takes_part)
            case ["pin", name, key] if name in DIMENSIONS and key in _ARMS:
                return self._pinned(turn, profile, Dimension(name), _ARMS[key])
            case ["set", what, key] if what in _SETTABLE and self._item(what).option(key) is not None:
                return self._set(turn, profile, what, key)
            case _:
                text = say(language, "That button does not work any more. /help shows what I can do.")
                return Outcome(reply=Reply(text=text), is_refused=True)
        return Outcome(reply=self._shown(language, after, line), writes=_event(turn, kind, data, profile, after))

    def _pinned(self, turn: Turn, profile: Profile, dimension: Dimension, arm: Arm | None) -> Outcome:
        language = turn.language
        pins = {one: pin for one, pin in profile.pins.items() if one is not dimension}
        if arm is None:
            line = say(language, "{name}: it follows your answers and ratings again.", name=_poles(language, dimension))
        else:
            pins[dimension] = arm
            choice = pin_in_words(language, dimension, arm)
            line = say(language, "{name}: set to {choice}.", name=_poles(language, dimension), choice=choice)
        after = replace(profile, pins=pins)
        data = {"dimension": dimension.value, "arm": arm}
        return self._hand_set(turn, line, after, _event(turn, ProfileEventKind.PIN, data, profile, after))

    def _set(self, turn: Turn, profile: Profile, what: str, key: str) -> Outcome:
        language, value = turn.language, cast("object", key)
        if what == "level":
            value, after = int(key), replace(profile, level=float(key), told=profile.told | {what})
            line = say(language, "Level: {level}", level=level_in_words(language, after.level, self._questionnaire))
        elif what == "goal":
            after = replace(profile, goal=key, told=profile.told | {what})
            line = say(language, "Goal: {goal}", goal=goal_in_words(language, key, self._questionnaire))
        else:
            value, after = LENGTHS[key], replace(profile, length=LENGTHS[key], told=profile.told | {what})
            line = say(language, "Length: {length}", length=length_in_words(language, after.length))
        data = {"what": what, "value": value, "topic": ""}
        line = say(language, "Set. {setting}.", setting=line)
        # Written even where it is as it was by default: now the person has said so.
        event = AddProfileEvent(person_id=turn.person.id, kind=ProfileEventKind.SET, data=data)
        return self._hand_set(turn, line, after, (event,))

    def _hand_set(self, turn: Turn, line: str, after: Profile, writes: tuple[Write, ...]) -> Outcome:
        text = f"{line}\n\n{standing(turn.language, after, self._questionnaire)}"
        return Outcome(reply=Reply(text=text, choices=_hand_choices(turn.language)), writes=writes)

    # --- what is shown ---

    def _shown(self, language: Language, profile: Profile, line: str = "") -> Reply:
        """The whole profile with what can be done about it; `line` says what just changed."""
        parts = [line] if line else []
        if self._is_open(profile):
            parts.append(say(language, "You have not finished the questions yet. This is what I know so far:"))
        parts.append(summary(language, profile, self._questionnaire))
        if profile.is_on and self._percent:
            parts.append(self._neutral(language, takes_part=profile.takes_part))
        return Reply(text="\n\n".join(parts), choices=self._choices(language, profile))

    @property
    def _percent(self) -> int:
        return self._services.settings.holdout_percent + self._services.settings.context_percent

    def _neutral(self, language: Language, *, takes_part: bool) -> str:
        if not takes_part:
            return say(language, "As you asked, every answer follows your profile.")
        return say(
            language,
            "In about {percent} of our topics I leave all or part of your profile out, to check that it helps. If you would "
            "rather not take part, the button below ends that.",
            percent=f"{self._percent}{BLANK}%",
        )

    def _switched(self, language: Language, after: Profile) -> str:
        if after.is_on:
            return say(language, "**It is on:** my answers follow it again.")
        return say(language, "**It is off:** my answers are neutral from now on. I keep what I know until you erase it.")

    def _choices(self, language: Language, profile: Profile) -> tuple[Choice, ...]:
        if self._is_open(profile):
            first = [option(PROFILE, "continue", say(language, "Go on with the questions"))]
        elif profile.course is None:
            first = [
                option(PROFILE, "start", say(language, "Questionnaire, 3 minutes")),
                option(PROFILE, "quick", say(language, "Short version")),
            ]
        else:
            key, again = (
                ("start", say(language, "Start over")) if _is_doubtful(profile) else ("check", say(language, "A short check"))
            )
            first = [option(PROFILE, key, again)]
        used = [option(PROFILE, "off", say(language, "Switch off"), row=2)]
        if not profile.is_on:
            used = [option(PROFILE, "on", say(language, "Switch on"), row=2)]
        elif self._percent and profile.takes_part:
            used.append(option(PROFILE, "neutral_off", say(language, "No neutral answers"), row=2))
        elif self._percent:
            used.append(option(PROFILE, "neutral_on", say(language, "Allow neutral answers"), row=2))
        hand = option(PROFILE, _HAND, say(language, "Set by hand"), row=1)
        return (*first, hand, *used, option(PROFILE, "reset", say(language, "Erase the profile"), row=3))

    def _by_hand(self, turn: Turn, profile: Profile, wish: str) -> Outcome:
        """What can be set, or the values that one thing can be set to."""
        language, what = turn.language, wish.partition(".")[2]
        if what in DIMENSIONS:
            return Outcome(reply=_dimension_page(language, Dimension(what)))
        if what in _SETTABLE:
            return Outcome(reply=_item_page(language, self._item(what)))
        text = say(language, "What do you want to set? What you set by hand goes before what I learn.")
        text = f"{text}\n\n{standing(language, profile, self._questionnaire)}"
        return Outcome(reply=Reply(text=text, choices=_hand_choices(language)))

    def _item(self, what: str) -> Item:
        return next(item for item in self._questionnaire.of(Part.CONTEXT) if item.sets == what)

    async def _export(self, turn: Turn, profile: Profile) -> Outcome:
        """The events and what they come to, as a file."""
        language, person = turn.language, turn.person.id
        if not profile.kinds:
            return Outcome(reply=Reply(text=_none_yet(language)), is_refused=True)
        now, events = self._services.clock.now(), await self._services.profiles.events(person)
        held = {owner.name: await owner.export(person) for owner in self._services.personal if owner.name == PROFILE}
        content = await asyncio.to_thread(_written, turn, now, held, events)
        file = ReplyFile(name=f"martin-profile-{now.date().isoformat()}.json", media_type="application/json", content=content)
        text = say(
            language,
            "Here is your profile as a JSON file: all the answers and presses that it follows from, and what it comes to:",
        )
        return Outcome(reply=Reply(text=f"{text} **{file.name}**.", files=(file,)))


def _is_doubtful(profile: Profile) -> bool:
    """Whether the answers were so fast or so much alike that new ones had better replace them."""
    return profile.quality.is_fast or profile.quality.is_one_sided


def _event(
    turn: Turn, kind: ProfileEventKind, data: Mapping[str, object], before: Profile, after: Profile
) -> tuple[Write, ...]:
    """The event of a change; nothing where everything is as it was, as after a second press."""
    return () if before == after else (AddProfileEvent(person_id=turn.person.id, kind=kind, data=data),)


def _reset(turn: Turn, profile: Profile, wish: str) -> Outcome:
    """The question whether to erase the profile, and its answer."""
    language, chosen = turn.language, answer_to(turn, PROFILE)
    if wish == "reset" or chosen is None:
        is_there = profile.kinds - {ProfileEventKind.MEASURE}
        return _ask_reset(turn) if is_there else Outcome(reply=Reply(text=_none_yet(language)), is_refused=True)
    if turn.target is not None and turn.target.chosen is not None:
        text = say(language, "You have already answered that. If you want to erase your profile, write `/profile reset` again.")
        return Outcome(reply=Reply(text=text), is_refused=True)
    closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{PROFILE}:{chosen.key}")
    if wish != "reset_yes":
        return Outcome(reply=Reply(text=say(language, "Good, nothing was erased. /profile shows it.")), writes=(closing,))
    text = say(
        language,
        "**Your profile is erased**, with every answer it was made of and your consent to it. My answers are neutral from now "
        "on.\n\nWhat remains: your ratings, and with each answer how it was explained. /mydata shows them and /forgetme erases "
        "everything. /profile begins anew.",
    )
    if ProfileEventKind.MEASURE in profile.kinds:
        text += "\n\n" + say(language, "I also keep what you chose about neutral answers, so that you need not say it again.")
    return Outcome(reply=Reply(text=text), writes=(closing, DropProfile(person_id=turn.person.id)))


def _ask_reset(turn: Turn) -> Outcome:
    language = turn.language
    text = say(
        language,
        "This erases your profile: your answers to the questions, what you set by hand and what I learned from your ratings. "
        "It cannot be undone. If you want a copy first, `/profile export` gives you one. Shall I erase it?",
    )
    choices = (
        option(PROFILE, "reset_yes", say(language, "Yes, erase the profile")),
        option(PROFILE, "reset_no", say(language, "No, keep it")),
    )
    return asking(turn, PROFILE, text, choices)


def _hand_choices(language: Language) -> tuple[Choice, ...]:
    """One button for each thing. Values come on the next page: there, no two buttons have the same name."""
    poles = (option(PROFILE, f"{_HAND}.{one}", _poles(language, one), row=place // 2) for place, one in enumerate(DIMENSIONS))
    return (
        *poles,
        option(PROFILE, f"{_HAND}.level", say(language, "Level"), row=2),
        option(PROFILE, f"{_HAND}.goal", say(language, "Goal"), row=2),
        option(PROFILE, f"{_HAND}.length", say(language, "Length"), row=2),
        _back(language, row=3),
    )


def _dimension_page(language: Language, dimension: Dimension) -> Reply:
    minus, plus = pole_word(language, dimension, -1), pole_word(language, dimension, 1)
    neutral, automatic = say(language, "Neutral"), say(language, "Automatic")
    lines = [
        f"**{minus}**: {way_in_words(language, dimension, -1)}",
        f"**{neutral}**: " + say(language, "I ask for neither"),
        f"**{plus}**: {way_in_words(language, dimension, 1)}",
        f"**{automatic}**: " + say(language, "I follow your answers and ratings"),
    ]
    text = say(language, "{name}: how would you like it?", name=_poles(language, dimension))
    labels = (minus, neutral, plus, automatic)
    choices = (option(PROFILE, f"pin.{dimension}.{key}", label) for key, label in zip(_ARMS, labels, strict=True))
    return Reply(text="\n- ".join([f"{text}\n", *lines]), choices=(*choices, _back(language, row=1, key=_HAND)))


def _item_page(language: Language, item: Item) -> Reply:
    choices = (
        option(PROFILE, f"set.{item.sets}.{one.key}", one.text[language], row=place // 2)
        for place, one in enumerate(item.options)
    )
    text = item.text[language]
    if item.sets == "level":
        text += " " + say(language, "Topics with a level of their own keep it.")
    return Reply(text=text, choices=(*choices, _back(language, row=2, key=_HAND)))


def _back(language: Language, *, row: int, key: str = "show") -> Choice:
    return option(PROFILE, key, say(language, "Back"), row=row)


def _poles(language: Language, dimension: Dimension) -> str:
    plus, minus = pole_word(language, dimension, 1), pole_word(language, dimension, -1)
    return say(language, "{minus} or {plus}", minus=minus, plus=plus)


def _measured(language: Language, takes_part: bool) -> str:
    if takes_part:
        return say(language, "**Thank you:** some answers leave your profile out again, to check that it helps.")
    return say(language, "**Done:** no answer leaves your profile out any more, and yours do not count in the check.")


def _none_yet(language: Language) -> str:
    return say(language, "I have no profile of you, so there is nothing to change or show. /profile begins one.")


def _usage(language: Language) -> str:
    return say(
        language,
        "I do not know that. /profile shows your profile, and you can add: `on`, `off`, `neutral on`, `neutral off`, `start`, "
        "`quick`, `continue`, `export` or `reset`.",
    )


def _written(turn: Turn, now: datetime, held: Mapping[str, object], events: Sequence[ProfileEvent]) -> bytes:
    """The export as UTF-8 JSON, indented, with a header that says what it is."""
    header = {
        "about": say(turn.language, "The preference profile of one person, asked for with /profile export."),
        "person": turn.person.id,
        "made_at": now.isoformat(),
        "format": 1,
    }
    rows = [{"id": one.id, "kind": one.kind.value, "at": one.at.isoformat(), **one.data} for one in events]
    return json.dumps({HEADER: header, **held, "events": rows}, ensure_ascii=False, indent=2, default=str).encode("utf-8")
