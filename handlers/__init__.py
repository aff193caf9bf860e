"""What the bot does, in order: the first handler that matches a turn answers it."""

from __future__ import annotations

from bot.admin_ports import AdminDesk
from bot.link_ports import LinkStore
from bot.ports import Handler, Services
from handlers.admin import AdminHandler
from handlers.admin_chats import Places
from handlers.chat import Answering, ChatHandler
from handlers.choices import StaleChoiceHandler
from handlers.conversation import AgainHandler, LanguageHandler, NewHandler, StopHandler
from handlers.correcting import CorrectHandler
from handlers.crisis import crisis_handler
from handlers.feedback import FeedbackHandler
from handlers.forgetting import ForgetHandler
from handlers.help import AboutHandler, HelpHandler, UnknownCommandHandler
from handlers.levels import LevelHandler
from handlers.linking import LinkHandler, UnlinkHandler
from handlers.memory import MemoryHandler
from handlers.privacy import ForgetMeHandler, MyDataHandler
from handlers.profile import ProfileHandler
from handlers.questionnaire import QuestionnaireHandler
from handlers.remembering import RememberHandler
from handlers.replying import ReplyHandler
from handlers.sharing import ShareHandler
from handlers.start import StartHandler
from handlers.styling import Styling
from handlers.unreadable import UnreadableHandler
from handlers.why import WhyHandler
from profiles.person import Profiles

ASK_A_MODEL = frozenset({ChatHandler.name, AgainHandler.name})
"""The handlers that daily limits hold for. Help in a crisis and the commands about a person's own data are never refused."""


def build(
    services: Services, profiles: Profiles, links: LinkStore, desk: AdminDesk, places: Places | None = None
) -> tuple[Handler, ...]:
    """The handlers over these ports, what admins are shown, and what is set about groups.

    Every kind of message has one that takes it.
    """
    crisis = crisis_handler(services.settings.crisis_country)
    feedback = FeedbackHandler(services, profiles, crisis)
    start = StartHandler(services)
    questionnaire = QuestionnaireHandler(services, profiles)
    answering = Answering(services, Styling(services, profiles, questionnaire.aside))
    return (
        crisis,
        feedback,
        ReplyHandler(feedback),
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
        ShareHandler(services),
        MyDataHandler(services),
        ForgetMeHandler(services),
        LinkHandler(services, links, desk.blocks),
        UnlinkHandler(links),
        AdminHandler(services, desk, places or Places()),
        StaleChoiceHandler(),
        UnknownCommandHandler(),
        UnreadableHandler(),
        ChatHandler(answering),
    )
