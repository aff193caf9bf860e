// How an answer was made: a quiet line under it, and behind a button the model, its cost, and what the answer rests on.

import { count, duration, money } from "./amounts.js";
import { h, iconButton, say } from "./dom.js";
import { request } from "./talk.js";

const FLAGS = ["fallback", "stopped", "timed_out", "partial", "limited", "failed", "no_recall", "trimmed"];
const OFFLINE = "offline";

/** The line and its details under an answer; null where there is nothing to tell of it. */
export function about(reply) {
  const words = inShort(reply);
  const hasDetails = Boolean(reply.made || reply.sources?.length);
  if (!words.length && !hasDetails) return null;
  const line = h("p", { className: "line small" }, h("span", { textContent: words.join(" · ") || say("made") }));
  if (!hasDetails) return line;
  const details = h("dl", { id: `made-${reply.turn_id}`, className: "details small", hidden: true });
  const button = iconButton("info", say("made"), () => toggle(button, details, reply), { "aria-expanded": "false", "aria-controls": details.id });
  line.append(button);
  return h("div", { className: "made" }, line, details);
}

/** Which model answered, whether it was not the first one asked, how long it took, and what else is to be known. */
function inShort(reply) {
  const { model, rateable, made } = reply;
  const words = remarks(reply);
  const stepped = words.filter(([flag]) => flag === "fallback").map(([, text]) => text);
  const others = words.filter(([flag]) => flag !== "fallback").map(([, text]) => text);
  const who = !model || !rateable ? [] : [model === OFFLINE ? say("answered_offline") : say("answered_by", { model })];
  return [...who, ...stepped, ...(made?.is_counted && rateable ? [duration(made.seconds)] : []), ...others];
}

/** The flags of an answer with their words. */
function remarks({ flags, model, made }) {
  const all = new Set(made?.is_fallback ? [...flags, "fallback"] : flags);
  const words = (flag) => say(flag === "fallback" && model === OFFLINE ? "flag_fallback_offline" : `flag_${flag}`);
  return FLAGS.filter((flag) => all.has(flag)).map((flag) => [flag, words(flag)]);
}

async function toggle(button, details, reply) {
  const isOpen = !details.hidden;
  if (!isOpen) {
    // All of it is there before anything opens, so that nothing moves twice.
    await complete(reply);
    details.replaceChildren(...rows(reply).flatMap(([label, value]) => [h("dt", { textContent: label }), h("dd", {}, value)]));
  }
  details.hidden = isOpen;
  button.setAttribute("aria-expanded", String(!isOpen));
  if (!isOpen) reveal(details);
}

/** Scroll no further than it takes, and not in one leap: the button stays where it is pressed as long as there is room. */
function reveal(element) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ block: "nearest", behavior: isCalm ? "auto" : "smooth" });
}

/** A reply that has just come does not say what it rests on; the stored one does. Without an answer the rest is shown. */
async function complete(reply) {
  if (reply.sources) return;
  try {
    reply.sources = (await request(`/api/turns/${reply.turn_id}`)).sources;
  } catch {
    // Not reached, or forgotten meanwhile: it is asked again when the details are opened again.
  }
}

function rows(reply) {
  const { made, sources } = reply;
  const words = remarks(reply).map(([, text]) => text);
  return [
    ...(made ? madeRows(made) : []),
    ...(words.length ? [[say("made_remarks"), words.join(" · ")]] : []),
    ...(sources ? [[say("made_sources"), sources.length ? list(sources) : say("made_sources_none")]] : []),
  ];
}

function madeRows(made) {
  const { model, version, prompt_tokens: prompt, completion_tokens: answer, first_token_s: first, cost, currency } = made;
  const seconds = duration(made.seconds);
  const wording = first === null ? seconds : say("made_time_value", { seconds, first: duration(first) });
  if (!made.is_counted) return [[say("made_model"), say("made_offline", { model })], [say("made_time"), seconds], ...where(made)];
  return [
    [say("made_model"), model],
    ...(version ? [[say("made_version"), version]] : []),
    [say("made_tokens"), say("made_tokens_value", { prompt: count(prompt), answer: count(answer) })],
    [say("made_time"), wording],
    [say("made_cost"), cost ? money(cost, currency) : say("made_cost_unset")],
    ...where(made),
  ];
}

/** Where the text went, as far as that is known. What was asked before a fallback may have been elsewhere: that is said too. */
function where({ place, is_fallback: isFallback }) {
  if (!place) return [];
  const words = say(`made_${place}`);
  return [[say("made_where"), isFallback ? say("made_after_others", { where: words }) : words]];
}

function list(sources) {
  const words = sources.map(({ kind, source, title }) => (kind === "knowledge" ? (title ? say("source_knowledge", { title, file: source }) : source) : say(`source_${kind}`)));
  return h("ul", {}, ...[...new Set(words)].map((one) => h("li", { textContent: one })));
}
