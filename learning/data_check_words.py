"""What was found in somebody's own data, in their language: what is wrong, how to mend it, and the next step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bot.amounts import count
from bot.locale import say, say_many
from bot.types import Language
from learning.data_check_rules import FATAL, FEWEST_OF_A_LABEL, Code, Finding, Format, Report

_SHOWN: Final = 8
"""Line numbers that are written out."""


def render(report: Report, language: Language) -> str:
    """The report for a terminal or a chat, in plain text: errors, advice, and one sentence with the next step."""
    if any(finding.code in FATAL for finding in report.findings):
        return "\n".join(_unusable(report, language))
    parts: list[str] = []
    if report.format is not None:
        head = "{format} ({container}), {examples}"
        examples = say_many(language, "{count} example", "{count} examples", report.rows)
        parts.append(head.format(format=_formats(language)[report.format], container=report.container, examples=examples))
    for level, heading in (("error", say(language, "To put right")), ("advice", say(language, "To consider"))):
        found = [finding for finding in report.findings if finding.level == level]
        if found:
            parts.append("\n".join([f"{heading}:", *(line for one in found for line in _told(one, language))]))
    parts.append(_next_step(report, language))
    return "\n\n".join(parts)


def _unusable(report: Report, language: Language) -> Iterator[str]:
    wrong, mend = next(_words(language)[finding.code] for finding in report.findings if finding.code in FATAL)
    yield wrong
    yield mend


def _told(finding: Finding, language: Language) -> Iterator[str]:
    wrong, mend = _words(language)[finding.code]
    yield f"{'✗' if finding.level == 'error' else '•'} {wrong}{_places(finding, language)}"
    yield f"  → {mend}"


def _places(finding: Finding, language: Language) -> str:
    """Where it is: ` (line 3)`, ` (lines 3, 4 and 12 more)`; nothing for the file as a whole."""
    if not finding.lines:
        return ""
    shown = ", ".join(str(line) for line in finding.lines[:_SHOWN])
    if finding.count == 1:
        return f" ({say(language, 'line {line}', line=shown)})"
    more = finding.count - min(_SHOWN, len(finding.lines))
    if more:
        return f" ({say(language, 'lines {lines} and {more} more', lines=shown, more=count(more, language))})"
    return f" ({say(language, 'lines {lines}', lines=shown)})"


def _next_step(report: Report, language: Language) -> str:
    if not report.is_usable:
        return say(language, "Next step: mend what is marked ✗ and check the file again.")
    if report.findings:
        return say(language, "Next step: the file can be used as it is; mending what is marked • makes the model better.")
    return say(language, "Next step: nothing to mend; keep one example in ten aside to test with, and train on the others.")


def _formats(language: Language) -> Mapping[Format, str]:
    return {
        Format.CHAT: say(language, "Chats as lists of messages"),
        Format.SHAREGPT: say(language, "Conversations as ShareGPT writes them"),
        Format.PAIRS: say(language, "Pairs of prompt and answer"),
        Format.PREFERENCES: say(language, "Preferences: a better and a worse answer"),
        Format.THUMBS: say(language, "Answers with a thumb (KTO)"),
        Format.LABELS: say(language, "Texts with a label"),
    }


def _words(language: Language) -> Mapping[Code, tuple[str, str]]:
    """For each code what is wrong, and how to mend it."""
    return {**_of_files(language), **_of_lines(language), **_of_messages(language), **_of_values(language), **_advice(language)}


def _of_files(language: Language) -> Mapping[Code, tuple[str, str]]:
    known = say(
        language,
        "Name the columns or keys: `messages`; `prompt` and `completion`; `prompt`, `chosen` and `rejected`; `prompt`, "
        "`completion` and `label`; or `text` and `label`.",
    )
    return {
        Code.NOT_FOUND: (
            say(language, "There is no such file."),
            say(language, "Check the name and the folder, and put the name in quotes if it has spaces."),
        ),
        Code.NOT_A_FILE: (
            say(language, "This is not a file but a folder or a device."),
            say(language, "Name one JSONL or CSV file."),
        ),
        Code.NOT_READABLE: (
            say(language, "The file cannot be read."),
            say(language, "Check that you have the right to read it and that its disk is in order."),
        ),
        Code.EMPTY: (
            say(language, "The file has no examples."),
            say(language, "Write one example a line: JSONL, or CSV with a first line that names the columns."),
        ),
        Code.NOT_TEXT: (
            say(language, "This is not a text file: it may be a picture, an archive or a spreadsheet."),
            say(language, "Save the data as JSONL or CSV; a spreadsheet has “Save as… CSV UTF-8”."),
        ),
        Code.UTF_16: (
            say(language, "The file is written in UTF-16, which trainers do not read."),
            say(language, "Save it as UTF-8."),
        ),
        Code.JSON_LIST: (
            say(language, "The file is one JSON list, not JSONL."),
            say(
                language,
                "Write each element of the list on a line of its own, without [ and ] and without commas between them.",
            ),
        ),
        Code.JSON_SPREAD: (
            say(language, "The file is JSON spread over several lines, not JSONL."),
            say(language, "Write each example on one line, without line breaks inside."),
        ),
        Code.UNKNOWN_FORMAT: (say(language, "Nothing in the file says what its examples are."), known),
        Code.CSV_HEADER: (say(language, "The first line of the CSV file does not name columns that are known."), known),
        Code.CSV_SEPARATOR: (
            say(language, "The columns are not separated by commas."),
            say(language, "Save the file with commas, and with quotes around texts that have one."),
        ),
        Code.FEWER_THAN_10: (
            say(language, "There are fewer than 10 examples."),
            say(language, "Collect at least 10, better 50 to 100: trainers refuse fewer, and models learn nothing from them."),
        ),
    }


def _of_lines(language: Language) -> Mapping[Code, tuple[str, str]]:
    return {
        Code.ENCODING: (
            say(language, "Some lines are not UTF-8."),
            say(language, "Save the file as UTF-8: accents and ñ would be lost."),
        ),
        Code.BROKEN_LINE: (
            say(language, "Some lines are not JSON."),
            say(
                language, "Look for a missing quote, comma or bracket, or for a line break inside of a text (write \\n there)."
            ),
        ),
        Code.BROKEN_RECORD: (
            say(language, "Some rows of the CSV file do not have the columns of the first line."),
            say(language, "Put texts with commas, quotes or line breaks in quotes, and write quotes inside of them twice."),
        ),
        Code.LINE_TOO_LONG: (
            say(language, "Some lines are longer than 4 MB."),
            say(language, "Check that line breaks stand between the examples, and shorten those that are that long."),
        ),
        Code.NOT_AN_OBJECT: (
            say(language, "Some lines are JSON, but no objects."),
            say(language, "Write each example as an object with keys, in curly brackets."),
        ),
        Code.MIXED_FORMATS: (
            say(language, "Some examples are in another format than most."),
            say(language, "Bring all into one format, or put them into a file of their own."),
        ),
        Code.UNKNOWN_ROW: (
            say(language, "Some examples have keys that belong to no format."),
            say(language, "Give them the same keys as the others, spelled the same."),
        ),
        Code.KEYS_DIFFER: (
            say(language, "Some examples have other keys than most."),
            say(language, "Write the same keys in every example; leave additional ones out everywhere."),
        ),
        Code.DUPLICATE: (
            say(language, "Some examples are there twice."),
            say(language, "Keep the first of each: what is repeated is learned by heart and spoils the test."),
        ),
        Code.TOO_LONG: (
            say(language, "Some examples are longer than any trainer takes (200,000 characters)."),
            say(language, "Cut them into several examples."),
        ),
        Code.CONTROL: (
            say(language, "Some texts have control characters or broken characters."),
            say(language, "Take them out; they often come from copying out of a PDF or a terminal."),
        ),
        Code.CREDENTIAL: (
            say(language, "Some texts have something in the form of a password or key of a service."),
            say(language, "Take it out and have it changed: a model can tell it to anybody."),
        ),
        Code.PERSONAL: (
            say(language, "Some texts have personal data: e-mail addresses, phone, card or account numbers."),
            say(language, "Put placeholders such as [EMAIL] or [PHONE] there: a model can repeat what it learned."),
        ),
    }


def _of_messages(language: Language) -> Mapping[Code, tuple[str, str]]:
    return {
        Code.NO_MESSAGES: (
            say(language, "Some examples have no messages."),
            say(language, "Write a list with at least what was asked and what was answered."),
        ),
        Code.ROLE_MISSING: (
            say(language, "Some messages have no role."),
            say(language, "Give each message its role (`role`, in ShareGPT `from`)."),
        ),
        Code.ROLE_UNKNOWN: (
            say(language, "Some messages have a role that is not known."),
            say(language, "Use system, user and assistant (in ShareGPT system, human and gpt)."),
        ),
        Code.CONTENT_MISSING: (
            say(language, "Some messages have no text."),
            say(language, "Write the text into `content` (in ShareGPT `value`), or leave the message out."),
        ),
        Code.WEIGHT: (
            say(language, "Some weights are not 0 or 1, or not at a message of the assistant."),
            say(language, "Write `weight` as 0 or 1, and only for the assistant."),
        ),
        Code.NO_USER: (
            say(language, "In some examples nobody asks."),
            say(language, "Add what the user said."),
        ),
        Code.NO_ASSISTANT: (
            say(language, "In some examples nobody answers."),
            say(language, "Add the answer that is to be learned, as assistant."),
        ),
        Code.LAST_NOT_ASSISTANT: (
            say(language, "In some examples the assistant does not have the last word."),
            say(language, "Take away what comes after the last answer, or add the answer to it."),
        ),
        Code.NOT_ONE_ANSWER: (
            say(language, "Some answers are not exactly one message of the assistant."),
            say(
                language, "Put everything before the answer into the prompt, and one message of the assistant into the answer."
            ),
        ),
    }


def _of_values(language: Language) -> Mapping[Code, tuple[str, str]]:
    return {
        Code.SAME_ANSWERS: (
            say(language, "Some examples prefer an answer to itself."),
            say(language, "Write two different answers, or leave the example out."),
        ),
        Code.NOT_A_TEXT: (
            say(language, "Some values are not texts."),
            say(language, "Write texts in quotes, numbers as well."),
        ),
        Code.EMPTY_TEXT: (
            say(language, "Some texts are empty."),
            say(language, "Fill them in or leave the example out."),
        ),
        Code.EMPTY_LABEL: (
            say(language, "Some labels are empty."),
            say(language, "Give each text a label, or leave it out."),
        ),
        Code.LABEL_NOT_BOOLEAN: (
            say(language, "Some labels are neither true nor false."),
            say(language, "Write true for good answers and false for bad ones, without quotes."),
        ),
        Code.ONE_LABEL: (
            say(language, "All examples have the same label."),
            say(language, "Add examples of at least one other label: otherwise there is nothing to tell apart."),
        ),
        Code.TWO_LABELS: (
            say(language, "Some texts are there with two different labels."),
            say(language, "Decide for one label, or leave these texts out."),
        ),
        Code.LABEL_SPELLING: (
            say(language, "Some labels differ from others only in capitals or spaces."),
            say(language, "Spell each label in one way: to a classifier these are different ones."),
        ),
    }


def _advice(language: Language) -> Mapping[Code, tuple[str, str]]:
    return {**_advice_of_files(language), **_advice_of_style(language), **_advice_of_labels(language)}


def _advice_of_files(language: Language) -> Mapping[Code, tuple[str, str]]:
    return {
        Code.FEWER_THAN_50: (
            say(language, "There are fewer than 50 examples."),
            say(language, "Begin with 50 to 100 good ones; hard cases need 200 and more."),
        ),
        Code.BYTE_ORDER_MARK: (
            say(language, "The file begins with a byte order mark."),
            say(language, "Save it as UTF-8 without BOM: some programs stumble over the first line."),
        ),
        Code.EMPTY_LINE: (
            say(language, "Some lines are empty."),
            say(language, "Delete them."),
        ),
        Code.MESSAGE_KEYS: (
            say(language, "Some messages have keys that trainers do not know."),
            say(language, "Leave only `role` and `content` (in ShareGPT `from` and `value`)."),
        ),
        Code.TURN_ORDER: (
            say(language, "In some examples user and assistant do not take turns."),
            say(language, "Join messages of the same side that follow each other."),
        ),
        Code.LONG: (
            say(language, "Some examples are very long (over 16,000 characters)."),
            say(language, "Shorten them: small models cut off what does not fit, mostly the answer."),
        ),
        Code.NEAR_DUPLICATE: (
            say(language, "Some examples nearly repeat an earlier one."),
            say(language, "Keep one of each kind, or make them differ in more than a word."),
        ),
        Code.TWO_ANSWERS: (
            say(language, "Some questions are there with different answers."),
            say(language, "Keep the best answer, unless you want the model to vary."),
        ),
    }


def _advice_of_style(language: Language) -> Mapping[Code, tuple[str, str]]:
    return {
        Code.SYSTEM_SOMETIMES: (
            say(language, "Only a part of the examples has a system message."),
            say(language, "Give it to all or to none, as it will be in use."),
        ),
        Code.SYSTEM_DIFFERS: (
            say(language, "Some system messages are nearly, but not quite, the same as most."),
            say(language, "Copy one wording into all of them."),
        ),
        Code.PUNCTUATION: (
            say(language, "Some answers end with a full stop or another mark and others do not."),
            say(language, "Decide for one way: models copy such habits."),
        ),
        Code.LEADING_SPACE: (
            say(language, "Some answers begin with a space and others do not."),
            say(language, "Take the spaces at the beginning away."),
        ),
        Code.LANGUAGES: (
            say(language, "Some examples are in another language than most."),
            say(language, "If that is not meant, take them out; if it is, see that both languages have enough examples."),
        ),
        Code.ANSWER_LANGUAGE: (
            say(language, "Some answers are in another language than the question."),
            say(language, "Translate them, unless translating is what is to be learned."),
        ),
    }


def _advice_of_labels(language: Language) -> Mapping[Code, tuple[str, str]]:
    return {
        Code.IMBALANCE: (
            say(language, "The commonest label has over ten times as many examples as the rarest."),
            say(language, "Add examples of the rare labels, or use fewer of the common ones."),
        ),
        Code.RARE_LABEL: (
            say(language, "Some labels have fewer than {fewest} examples.", fewest=FEWEST_OF_A_LABEL),
            say(language, "Add examples, or join the label with a similar one."),
        ),
    }
