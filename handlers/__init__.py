"""What the bot does, in order: the first handler that matches a turn answers it."""

from __future__ import annotations

from bot.ports import Handler, Services
from handlers.admin import AdminHandler
from handlers.chat import Answering, ChatHandler
from handlers.choices import StaleChoiceHandler
from handlers.conversation import AgainHandler, LanguageHandler, NewHandler, StopHandler
from handlers.correcting import CorrectHandler
from handlers.crisis import crisis_handler
from handlers.feedback import FeedbackHandler
from handlers.forgetting import ForgetHandler
from handlers.help import AboutHandler, HelpHandler, UnknownCommandHandler
from handlers.levels import LevelHandler
from handlers.memory import MemoryHandler
from handlers.privacy import ForgetMeHandler, MyDataHandler
from handlers.profile import ProfileHandler
from handlers.questionnaire import QuestionnaireHandler
from handlers.remembering import RememberHandler
from handlers.start import StartHandler
from handlers.styling import Styling
from handlers.why import WhyHandler
from profiles.person import Profiles

ASK_A_MODEL = frozenset({ChatHandler.name, AgainHandler.name})
"""The handlers that daily limits hold for. Help in a crisis and the commands about a person's own data are never refused."""


def build(services: Services, profiles: Profiles) -> tuple[Handler, ...]:
    """The handlers over `services` and `profiles`. Every kind of message has one that takes it."""
    crisis = crisis_handler(services.settings.crisis_country)
    start = StartHandler(services)
    questionnaire = QuestionnaireHandler(services, profiles)
    answering = Answering(services, Styling(services, profiles, questionnaire.aside))
    return (
        crisis,
        FeedbackHandler(services, profiles, crisis),
        start,
        questionnaire,
        StopHandler(),
        LevelHandler(profiles),
        ProfileHandler(services, profiles, questionnaire),
        MemoryHandler(services),
        CorrectHandler(services),
        RememberHandler(services),
        ForgetHandler(services),
        LanguageHandler(start.greet),
        HelpHandler(),
        AboutHandler(services),
        NewHandler(services),
        AgainHandler(services, answering, crisis),
        WhyHandler(services, profiles),
        MyDataHandler(services),
        ForgetMeHandler(services),
        AdminHandler(services),
        StaleChoiceHandler(),
        UnknownCommandHandler(),
        ChatHandler(answering),
    )
