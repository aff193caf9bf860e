// Talking to the bot: one POST per message whose answer streams back, joined again by its event id when the line drops.

import { say, stored } from "./dom.js";

const WAITS_S = [1, 2, 4, 8, 15, 15, 15, 30, 30, 60];
const SILENCE_MS = 45_000;
const PENDING = "martin-pending";

/** An id nobody else has; works on plain http too, where crypto.randomUUID does not exist. */
export function newEventId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The server's own words for a problem, with its code. */
export class Refused extends Error {
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** A JSON request. Throws Refused, or TypeError when the server is not reached. */
export async function request(path, body) {
  const response = await fetch(path, body === undefined ? {} : post(body));
  if (!response.ok) throw await refusal(response);
  return response.json();
}

function post(body, signal) {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
}

async function refusal(response) {
  try {
    const { error } = await response.json();
    return new Refused(error.code, error.message, response.status);
  } catch {
    return new Refused("internal", say("failed"), response.status);
  }
}

/**
 * Send a message and follow it to its end, through as many connections as that takes.
 * `on` has accepted(data), preview(text), reply(data), refused(message, code), waiting(seconds, isUnavailable) and lost(words):
 * a server that takes no messages now, and says so, is not a lost connection.
 */
export async function follow(message, on) {
  remember(message);
  for (let tries = 0; ; tries += 1) {
    let unavailable;
    const line = new Line(on, () => (tries = 0));
    try {
      if (await line.run(message)) return forget(message);
    } catch (error) {
      if (error instanceof Refused && ![502, 503, 504].includes(error.status)) {
        forget(message);
        return on.refused(error.message, error.code);
      }
      if (error.code === "unavailable") unavailable = error;
      if (!(error instanceof Refused || error instanceof TypeError || error.name === "AbortError")) throw error;
    }
    if (tries >= WAITS_S.length) return on.lost(unavailable?.message ?? say("gave_up"));
    on.waiting(WAITS_S[tries], unavailable !== undefined);
    await pause(WAITS_S[tries]);
  }
}

/** Wait, but no longer than until the browser says that the network is back. */
function pause(seconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, seconds * 1000);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    }
    addEventListener("online", done);
  });
}

/** One connection of a message: reads events until the answer is there or the line ends. */
class Line {
  constructor(on, progressed) {
    this.on = on;
    this.progressed = progressed;
  }

  /** Whether the message came to its end. */
  async run({ path, body }) {
    const abort = new AbortController();
    // Heartbeats come far more often than this: silence means that the line is dead and nobody said so.
    let watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
    };
    try {
      const response = await fetch(path, post(body, abort.signal));
      if (!response.ok) throw await refusal(response);
      for await (const [name, data] of events(response.body, alive)) {
        this.progressed();
        if (name === "accepted") this.on.accepted(data);
        else if (name === "preview") this.on.preview(data.text);
        else if (name === "reply") return this.on.reply(data), true;
        else if (name === "error") {
          if (data.code === "unavailable") throw new Refused(data.code, data.message, 503);
          return this.on.refused(data.message, "refused"), true;
        }
      }
      return false;
    } finally {
      clearTimeout(watchdog);
      abort.abort();
    }
  }
}

/** The events of a `text/event-stream` body. */
async function* events(body, alive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    rest += value;
    const parts = rest.split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      let name = "";
      let data = "";
      for (const line of part.split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        else if (line.startsWith("data: ")) data += line.slice(6);
      }
      if (name) yield [name, JSON.parse(data)];
    }
  }
}

// Messages under way survive a reload of the page: they are joined again.

/** The messages of this tab that had no answer yet when the page was left. */
export function pending() {
  try {
    return JSON.parse(stored("sessionStorage", PENDING) ?? "[]");
  } catch {
    return [];
  }
}

function remember(message) {
  keep([...pending().filter((other) => other.body.event_id !== message.body.event_id), message]);
}

/** The message needs no joining any more. */
export function forget(message) {
  keep(pending().filter((other) => other.body.event_id !== message.body.event_id));
}

function keep(messages) {
  stored("sessionStorage", PENDING, messages.length ? JSON.stringify(messages) : null);
}

/** What happens in the session besides this tab's own messages. Closed while the tab is hidden: a browser has few connections. */
export class Session {
  constructor(on) {
    this.on = on;
    this.source = null;
    this.timer = 0;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", () => this.open());
  }

  open() {
    if (this.source || document.hidden) return;
    clearTimeout(this.timer);
    const source = new EventSource("/api/events");
    this.source = source;
    source.addEventListener("open", () => this.on.opened());
    for (const name of ["said", "reply", "rating"]) source.addEventListener(name, (event) => this.on[name](JSON.parse(event.data)));
    source.addEventListener("error", (event) => {
      if (event.data !== undefined) return this.on.notice(JSON.parse(event.data));
      this.on.dropped();
      if (source.readyState === EventSource.CLOSED) {
        this.source = null;
        this.timer = setTimeout(() => this.open(), 5000);
      }
    });
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }
}
