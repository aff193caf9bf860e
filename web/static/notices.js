// For admins: what the bot wants them to know, in a strip at the top until they put it aside.

import { announce, h, say, stored } from "./dom.js";
import { Refused, request } from "./talk.js";

const SEEN = "martin-notices-seen";
const strip = document.getElementById("notices");
const list = strip?.querySelector("ul");
let shown = [];

const idOf = ({ day, kind }) => `${day} ${kind}`;

/** Show the notices that were not put aside yet. Does nothing on the page of somebody who is no admin. */
export async function lookForNotices() {
  if (!strip) return;
  try {
    shown = (await request("/api/notices")).notices;
  } catch (error) {
    // Not reached: asked again with the next connection. Refused: the admin's sign-in has expired.
    if (error instanceof Refused && error.status === 403) shown = [];
    else return;
  }
  draw();
}

function draw() {
  const seen = (stored("localStorage", SEEN) ?? "").split("\n");
  const unread = shown.filter((notice) => !seen.includes(idOf(notice)));
  list.replaceChildren(...unread.map(({ day, text }) => h("li", {}, h("time", { datetime: day, textContent: shortly(day) }), ` · ${text}`)));
  strip.hidden = !unread.length;
  list.tabIndex = list.scrollHeight > list.clientHeight ? 0 : -1;
  for (const notice of unread.toReversed()) announce(`${say("notices")}: ${notice.text}`, `notice ${idOf(notice)}`);
}

function shortly(day) {
  return new Date(`${day}T00:00Z`).toLocaleDateString(document.documentElement.lang, { day: "numeric", month: "short", timeZone: "UTC" });
}

strip?.querySelector("button").addEventListener("click", () => {
  // Those of the last days are all that ever come back, so all of them, and nothing else, is remembered.
  stored("localStorage", SEEN, shown.map(idOf).join("\n") || null);
  strip.hidden = true;
  document.getElementById("text").focus();
});
