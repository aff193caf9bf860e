// The page: draws the conversation, sends what is typed, and keeps in step with the session's other pages.

import { say, stored, textLimit } from "./dom.js";
import { lookForNotices } from "./notices.js";
import { Session, follow, forget, newEventId, pending, request } from "./talk.js";
import { Turn } from "./turn.js";

const at = (id) => document.getElementById(id);
const bar = document.querySelector(".bar");
const [conversation, welcome, text, form, stopButton, latest] = ["conversation", "welcome", "text", "form", "stop", "latest"].map(at);
const DRAFT = "martin-draft";
const SAY_AFTER_LOAD = "martin-say-after-load";
const REFRESH_AGAIN_MS = 5000;
const NEW = /^\/(new|nueva)\s*$/i;

const ERASE = "forgetme:yes";
const LANGUAGE_COMMAND = /^\/(?:language|idioma)\s+(\S+)\s*$/i;
const LANGUAGE_NAMES = {
  es: ["es", "español", "espanol", "castellano", "spanish"],
  en: ["en", "english", "inglés", "ingles"],
};

const turns = new Map();
const byEvent = new Map();
const running = new Set();
let isAtEnd = true;
let hasHistory = false;

// --- turns ---

const act = { choose, again, retry, edit, moved };

function add(turn) {
  // Ids are ordered by time, and what has no id yet is newest.
  const after = turn.id && [...conversation.children].find((other) => !other.dataset.turn || other.dataset.turn > turn.id);
  conversation.insertBefore(turn.element, after || null);
  if (turn.id) identify(turn, turn.id);
  if (turn.eventId) byEvent.set(turn.eventId, turn);
  tidy();
  return turn;
}

/** The turn's id became known. A turn that another stream brought meanwhile gives way to it. */
function identify(turn, turnId) {
  const other = turns.get(turnId);
  turns.set(turnId, turn);
  turn.identify(turnId);
  if (!other || other === turn) return;
  other.element.remove();
  running.delete(other);
  if (other.isDone) settle(turn, other.reply);
}

function settle(turn, reply, how) {
  if (turn.isDone) return;
  const isNew = NEW.test(turn.question) || reply.handler === "new";
  const took = how?.quietly || reply.status !== "answered" ? undefined : (turn.took ?? taken(turn));
  if (isNew || took === ERASE) begin(turn);
  turn.settle(reply, how);
  identify(turn, reply.turn_id);
  running.delete(turn);
  if (took === ERASE) forgotten();
  passOver();
  tidy();
  if (isNew || took === ERASE) fromTheTop();
  if (!how?.quietly) goOn(turn);
  speak(took?.startsWith("language:") ? took.slice(9) : took === undefined ? "" : languageIn(turn.question));
}

/** The key of the option that a typed turn takes: of the answer before it, where that one asks. "" for any other live turn. */
function taken(turn) {
  const before = turns.get(turn.element.previousElementSibling?.dataset.turn);
  return before?.options?.keyOf(turn.question) ?? "";
}

/** An item of a questionnaire takes no answer any more once a later one was asked: it looks done, whatever was answered. */
function passOver() {
  const asked = [...turns.values()].filter((turn) => turn.options?.isItem && turn.id).sort((one, other) => (one.id < other.id ? -1 : 1));
  for (const turn of asked.slice(0, -1)) if (turn.options.isOpen) turn.options.mark("");
}

/** What was asked goes on: a press has brought the next question, or what was typed has answered the last one. */
function goOn(turn) {
  const asked = turn.choosing ?? turn.asked;
  if (!asked) return;
  const here = document.activeElement;
  const isThere = turn.choosing && (here === document.body || turn.choosing.element.contains(here));
  if (isThere) turn.options?.element.focus({ preventScroll: true });
  // Whether it was an answer is for the bot to say: a question in between leaves an item open, and a menu takes press after press.
  request(`/api/turns/${asked.id}`).then(
    ({ chosen }) => {
      if (chosen) asked.options?.mark(chosen);
      else if (!asked.options?.isItem) asked.options?.mark(null);
    },
    () => undefined,
  );
}

/** Everything before this turn is erased: what the page still shows of it went already, and nothing earlier is to be had. */
function forgotten() {
  at("earlier").hidden = true;
  hasHistory = false;
}

/** The language that a typed command switches to, or "". */
function languageIn(words) {
  const name = LANGUAGE_COMMAND.exec(words)?.[1].toLowerCase();
  return Object.keys(LANGUAGE_NAMES).find((language) => LANGUAGE_NAMES[language].includes(name)) ?? "";
}

/** The bot speaks another language from now on, so the page does too. The draft, like what is under way, survives a reload. */
function speak(language) {
  if (language && language !== document.documentElement.lang) location.replace(`/?lang=${language}`);
}

/** A new conversation starts at this turn: what came before leaves the page, and stays in the history. */
function begin(turn) {
  turn.ask("");
  turn.element.classList.add("divider");
  while (turn.element.previousElementSibling) {
    turns.delete(turn.element.previousElementSibling.dataset.turn);
    turn.element.previousElementSibling.remove();
    at("earlier").hidden = false;
  }
}

function fromTheTop() {
  isAtEnd = false;
  scrollTo({ top: 0 });
  latest.hidden = true;
}

function tidy() {
  const isEmpty = [...conversation.children].every((element) => element.classList.contains("divider"));
  welcome.hidden = !isEmpty;
  stopButton.hidden = running.size === 0;
  moved();
}

function moved() {
  if (isAtEnd) {
    scrollTo({ top: document.documentElement.scrollHeight });
    // What came in one piece and is longer than the screen is read from its beginning.
    const newest = turns.get(conversation.lastElementChild?.dataset.turn);
    const isWhole = newest?.isDone && !newest.reply.rateable;
    if (isWhole && newest.answer.getBoundingClientRect().top < bar.offsetHeight) newest.answer.scrollIntoView();
  }
  latest.hidden = isAtEnd || !welcome.hidden;
}

// --- sending ---

function send(question) {
  const turn = add(new Turn(act, { question, eventId: newEventId() }));
  turn.asked = [...turns.values()].filter((other) => other.options?.isOpen).sort((one, other) => (one.id < other.id ? -1 : 1)).at(-1);
  isAtEnd = true;
  post(turn, { path: "/api/messages", body: { text: question, event_id: turn.eventId } });
}

async function post(turn, message) {
  turn.message = message;
  // Kept with the message: how long it has been waited for outlives a reload.
  message.since ??= Date.now();
  turn.since = message.since;
  running.add(turn);
  turn.wait();
  tidy();
  await follow(message, {
    accepted: ({ turn_id }) => {
      identify(turn, turn_id);
      turn.wait();
    },
    preview: (written) => turn.preview(written),
    reply: (reply) => settle(turn, reply),
    waiting: (seconds, isUnavailable) => turn.say(say(isUnavailable ? "unavailable_for" : "reconnecting", { seconds }), "trouble"),
    refused: (words, code) => fail(turn, code === "no_session" || code === "access_needed" ? say("expired") : words),
    lost: (words) => fail(turn, words),
  });
  running.delete(turn);
  tidy();
}

function fail(turn, words) {
  turn.choosing?.options?.mark(null);
  running.delete(turn);
  turn.fail(words);
}

function retry(turn) {
  // What never got a turn may go again under its own id; what was refused needs a new one.
  const isUnknown = pending().some((message) => message.body.event_id === turn.eventId);
  if (!isUnknown) {
    turn.eventId = newEventId();
    turn.message = { ...turn.message, body: { ...turn.message.body, event_id: turn.eventId } };
    byEvent.set(turn.eventId, turn);
    turn.id = null;
    delete turn.element.dataset.turn;
  }
  post(turn, { ...turn.message, since: undefined });
}

function edit(turn) {
  forget(turn.message);
  turn.element.remove();
  text.value = [turn.question, text.value].filter(Boolean).join("\n");
  typed();
  text.focus();
  tidy();
}

function choose(turn, key) {
  const next = new Turn(act, { eventId: newEventId() });
  next.choosing = turn;
  next.took = key;
  turn.options.mark(key);
  isAtEnd = true;
  post(add(next), { path: "/api/choices", body: { turn_id: turn.id, key, event_id: next.eventId } });
}

function again(turn) {
  const next = add(new Turn(act, { question: turn.question, eventId: newEventId() }));
  isAtEnd = true;
  post(next, { path: `/api/turns/${turn.id}/again`, body: { event_id: next.eventId } });
}

async function stop() {
  const turn = [...running].filter((one) => one.id).at(-1);
  if (!turn) return;
  try {
    turn.warn("");
    await request(`/api/turns/${turn.id}/stop`, {});
  } catch (error) {
    if (!turn.isDone) turn.warn(error.code === "unknown_turn" ? error.message : say("stop_failed"));
  }
  text.focus();
}

// --- the history, and the session's other pages ---

function draw(past) {
  const known = turns.get(past.turn_id);
  if (known?.isDone) {
    known.rated(past.rating ?? { value: 0, reason: null, correction: null });
    if (past.chosen) known.options?.mark(past.chosen);
    return;
  }
  const turn = known ?? add(new Turn(act, { question: past.kind === "choice" ? "" : past.question, turnId: past.turn_id }));
  settle(turn, past, { quietly: true });
}

async function refresh() {
  const { messages, more, running: open } = await request("/api/messages");
  hasHistory ||= messages.length > 0;
  const start = Math.max(0, messages.findLastIndex((past) => past.handler === "new"));
  for (const past of messages.slice(start)) draw(past);
  if (more || start > 0) at("earlier").hidden = false;
  for (const said of open) session.said(said);
  moved();
}

async function earlier() {
  const first = [...conversation.children].find((element) => element.dataset.turn);
  const before = first ? `?before=${first.dataset.turn}` : "";
  const height = document.documentElement.scrollHeight;
  const { messages, more } = await request(`/api/messages${before}`);
  isAtEnd = false;
  for (const past of messages) {
    const turn = add(new Turn(act, { question: past.kind === "choice" ? "" : past.question, turnId: past.turn_id }));
    turn.element.classList.toggle("divider", past.handler === "new");
    if (past.handler === "new") turn.ask("");
    turn.settle(past, { quietly: true });
  }
  passOver();
  at("earlier").hidden = !more;
  scrollBy({ top: document.documentElement.scrollHeight - height });
}

const session = {
  async opened() {
    at("connection").hidden = true;
    clearTimeout(session.retrying);
    lookForNotices().then(moved);
    try {
      await refresh();
    } catch (error) {
      session.dropped(error);
      session.retrying = setTimeout(session.opened, REFRESH_AGAIN_MS);
    }
  },
  dropped(error) {
    at("connection").textContent = say(error?.code === "unavailable" ? "unavailable" : "offline");
    at("connection").hidden = false;
  },
  said({ event_id, turn_id, kind, text: words, choice }) {
    hasHistory = true;
    if (choice) turns.get(choice.turn_id)?.options?.mark(choice.key);
    const known = byEvent.get(event_id) ?? turns.get(turn_id);
    if (!known) {
      const turn = add(new Turn(act, { question: kind === "text" || !/^\/again/.test(words) ? words : "", turnId: turn_id, eventId: event_id }));
      turn.took = choice?.key;
      turn.asked = choice && turns.get(choice.turn_id);
      running.add(turn);
      turn.wait();
      tidy();
    } else if (!known.id) identify(known, turn_id);
    else if (!known.question && kind === "text") known.ask(words);
  },
  reply(reply) {
    settle(turns.get(reply.turn_id) ?? add(new Turn(act, { turnId: reply.turn_id })), reply);
  },
  rating(rating) {
    turns.get(rating.turn_id)?.rated(rating);
  },
  notice({ message, event_id }) {
    const turn = byEvent.get(event_id);
    if (turn && !turn.message) fail(turn, message);
  },
};

// --- the composer and the bar ---

function typed() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
  const length = text.value.length;
  const isTooLong = length > textLimit;
  at("count").hidden = length < textLimit * 0.9;
  at("count").textContent = say("too_long", { length, limit: textLimit });
  at("count").classList.toggle("trouble", isTooLong);
  at("send").disabled = isTooLong;
  stored("sessionStorage", DRAFT, text.value || null);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const words = (text.value.toWellFormed?.() ?? text.value).trim();
  if (!words || words.length > textLimit) return text.focus();
  text.value = "";
  typed();
  send(words);
  text.focus();
});

conversation.addEventListener("keydown", (event) => {
  // Who has just pressed an option may answer the next question, or ask something, by typing.
  const isWriting = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (isWriting && event.target.closest(".choices")) text.focus();
});
text.addEventListener("input", typed);
text.addEventListener("keydown", (event) => {
  // While an input method composes a character, Enter belongs to it.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running.size) stop();
});
stopButton.addEventListener("click", stop);
at("earlier").addEventListener("click", () => earlier().catch((error) => session.dropped(error)));
latest.addEventListener("click", () => {
  isAtEnd = true;
  moved();
  text.focus();
});
addEventListener("scroll", () => {
  isAtEnd = innerHeight + scrollY > document.documentElement.scrollHeight - 80;
  latest.hidden = isAtEnd || !welcome.hidden;
});
addEventListener("resize", moved);

for (const example of document.querySelectorAll(".example")) {
  example.addEventListener("click", () => {
    send(example.textContent.trim());
    text.focus();
  });
}
at("new").addEventListener("click", () => {
  send("/new");
  text.focus();
});
at("models")?.addEventListener("click", () => {
  send("/admin models");
  text.focus();
});
at("language").addEventListener("click", () => {
  // Who has talked already wants the answers in the other language too, not only the page.
  if (hasHistory) stored("sessionStorage", SAY_AFTER_LOAD, `/language ${at("language").dataset.language}`);
});
at("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  stored("localStorage", "martin-theme", root.dataset.theme);
});

// What was typed before this script came is not to be lost.
text.value ||= stored("sessionStorage", DRAFT) ?? "";
typed();
const ready = session.opened().then(() => {
  for (const message of pending()) {
    const { event_id, text: question = "" } = message.body;
    post(byEvent.get(event_id) ?? add(new Turn(act, { question, eventId: event_id })), message);
  }
  const words = stored("sessionStorage", SAY_AFTER_LOAD);
  stored("sessionStorage", SAY_AFTER_LOAD, null);
  if (words) send(words);
  tidy();
});
const live = new Session(session);
ready.finally(() => live.open());
if (matchMedia("(hover: hover)").matches) text.focus();
