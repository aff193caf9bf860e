"""Every string that the page shows, in one language: for the template and, as JSON, for its script.

Where the script fills in `{names}` itself, the wording is passed on unfilled.
"""

from __future__ import annotations

from bot.locale import say
from bot.reason_words import reason_words
from bot.types import Language


def page_strings(language: Language, bot_name: str) -> dict[str, str]:
    """What the page says, by key."""
    return {
        **_frame(language, bot_name),
        **_composer(language, bot_name),
        **_answers(language, bot_name),
        **_made(language),
        **_trouble(language),
    }


def examples(language: Language) -> tuple[str, ...]:
    """Three questions that a newcomer may ask with one click."""
    return (
        say(language, "What can you do for me?"),
        say(language, "What do you remember about me, and where is it kept?"),
        say(language, "How many conversations are needed to train you on my style?"),
    )


def _frame(language: Language, name: str) -> dict[str, str]:
    return {
        "skip": say(language, "Skip to the message box"),
        "conversation": say(language, "Conversation with {name}", name=name),
        "new": say(language, "New conversation"),
        "new_short": say(language, "New"),
        "other_language": say(language, "Ver en español"),
        "theme": say(language, "Switch between light and dark"),
        "greeting": say(language, "Hello, I'm {name}.", name=name),
        "invitation": say(
            language,
            "Ask me anything. When an answer is not right, tell me what I should have said, and I will do better next time.",
        ),
        "try": say(language, "You could start with"),
        "no_script": say(language, "This page needs JavaScript. Without it you can talk with me in the console: make chat"),
        "admin_in": say(language, "Sign in as admin"),
        "sign_out": say(language, "Sign out"),
        "signed_in_admin": say(language, "You are signed in as admin."),
        "models": say(language, "Models"),
        "notices": say(language, "For admins"),
        "dismiss": say(language, "Put these notices aside"),
        "earlier": say(language, "Show earlier messages"),
        "latest": say(language, "Go to the newest message"),
    }


def _composer(language: Language, name: str) -> dict[str, str]:
    return {
        "message": say(language, "Your message"),
        "placeholder": say(language, "Write to {name}…", name=name),
        "send": say(language, "Send"),
        "stop": say(language, "Stop"),
        "keyboard": say(language, "Enter sends, Shift + Enter starts a new line, Esc stops the answer."),
        "too_long": say(language, "{length} of at most {limit} characters"),
    }


def _answers(language: Language, name: str) -> dict[str, str]:
    return {
        "you": say(language, "You"),
        "bot": name,
        "writing": say(language, "{name} is writing…", name=name),
        "working": say(language, "{name} is still working… {time}"),
        "working_aloud": say(language, "{name} is still working. The answer is read out when it is there.", name=name),
        "copy": say(language, "Copy"),
        "copied": say(language, "Copied"),
        "copy_failed": say(language, "Could not copy"),
        "code": say(language, "Code"),
        "good": say(language, "Good answer"),
        "bad": say(language, "Bad answer"),
        "choices": say(language, "Your answer"),
        "correct": say(language, "Correct"),
        "again": say(language, "Answer again"),
        "why": say(language, "What was wrong with it?"),
        **{f"reason_{reason.value}": words for reason, words in reason_words(language).items()},
        "correction": say(language, "What should I have said?"),
        "save": say(language, "Save"),
        "cancel": say(language, "Cancel"),
        "saved": say(language, "Saved. Thank you, I will use it."),
        "thanks": say(language, "Thank you."),
        "withdrawn": say(language, "Rating withdrawn."),
        "corrected": say(language, "Corrected by you: {correction}"),
        "download": say(language, "Download {name}"),
    }


def _made(language: Language) -> dict[str, str]:
    """How an answer was made: the line under it, its flags, and the details."""
    return {
        "answered_by": say(language, "answered by {model}"),
        "answered_offline": say(language, "from documents, corrections and memories"),
        "flag_partial": say(language, "incomplete"),
        "flag_stopped": say(language, "stopped by you"),
        "flag_timed_out": say(language, "ran out of time"),
        "flag_fallback": say(language, "another model stepped in"),
        "flag_fallback_offline": say(language, "no language model was available"),
        "flag_failed": say(language, "did not work out"),
        "flag_limited": say(language, "answered without a language model: today's limit is reached"),
        "flag_no_recall": say(language, "without memory"),
        "flag_trimmed": say(language, "not all of the conversation fitted"),
        "made": say(language, "How this answer was made"),
        "made_model": say(language, "Model"),
        "made_offline": say(language, "{model}, no language model"),
        "made_version": say(language, "Version"),
        "made_tokens": say(language, "Tokens"),
        "made_tokens_value": say(language, "{prompt} in → {answer} out"),
        "made_time": say(language, "Time"),
        "made_time_value": say(language, "{seconds}, first word after {first}"),
        "made_cost": say(language, "Cost"),
        "made_cost_unset": say(language, "no price is set"),
        "made_where": say(language, "Where"),
        "made_machine": say(language, "on the machine I run on"),
        "made_network": say(language, "in the private network of the machine I run on"),
        "made_remote": say(language, "outside: your text left the machine I run on"),
        "made_after_others": say(language, "{where}; other models were tried before"),
        "made_remarks": say(language, "Remarks"),
        "made_sources": say(language, "Rests on"),
        "made_sources_none": say(language, "nothing that you taught me and no document"),
        "source_correction": say(language, "your correction"),
        "source_liked": say(language, "an answer you liked"),
        "source_approved": say(language, "an answer approved for everyone"),
        "source_memory": say(language, "something you told me"),
        "source_fact": say(language, "something you told me"),
        "source_answered": say(language, "something I answered you"),
        "source_knowledge": say(language, "{title} ({file})"),
    }


def _trouble(language: Language) -> dict[str, str]:
    return {
        "offline": say(language, "The connection is lost. I'll keep trying…"),
        "reconnecting": say(language, "Connection lost. Picking up where we were in {seconds} s…"),
        "unavailable": say(language, "I can't take messages at the moment. I'll try again by myself…"),
        "unavailable_for": say(language, "I can't take messages at the moment. I'll try again by myself in {seconds} s…"),
        "stop_failed": say(language, "Stopping did not work just now. Please press Stop again."),
        "gave_up": say(language, "I can't be reached right now. Your text is kept here."),
        "retry": say(language, "Try again"),
        "edit": say(language, "Edit"),
        "failed": say(language, "That did not work. Please try again."),
        "expired": say(language, "Your sign-in has expired. Reload the page to sign in again; your draft is kept."),
    }


def nowhere_strings(language: Language) -> dict[str, str]:
    """What is said at an address where there is nothing, by key."""
    return {
        "title": say(language, "There is nothing at this address."),
        "explain": say(language, "Perhaps it was mistyped, or it was never here."),
        "home": say(language, "Go to the conversation"),
    }


def sign_in_strings(language: Language, bot_name: str) -> dict[str, str]:
    """What the sign-in page says, by key."""
    return {
        "title": say(language, "Sign in to {name}", name=bot_name),
        "explain": say(
            language, "This page is protected with an access token. Its owner chose it when setting {name} up.", name=bot_name
        ),
        "explain_admin": say(language, "With the admin token you can look after {name} from here.", name=bot_name),
        "token": say(language, "Token"),
        "enter": say(language, "Sign in"),
        "wrong": say(language, "That token is not right."),
        "insecure": say(
            language,
            "You came over plain http from another machine. Browsers keep a sign-in only over https: whoever runs this makes a "
            "certificate with “python -m bot certificate”, or puts a TLS proxy in front.",
        ),
        "other_language": say(language, "Ver en español"),
    }
