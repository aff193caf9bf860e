// One turn on the page: what the person said, the answer while it is written and when it is there, its choices and its rating.

import { duration } from "./amounts.js";
import { announce, copyButton, h, icon, iconButton, say } from "./dom.js";
import { about } from "./made.js";
import { hostsIn, render } from "./markdown.js";
import { Options } from "./options.js";
import { Reasons } from "./reasons.js";
import { request } from "./talk.js";

// A model may have to be loaded before its first word, which takes up to a minute and a half: past this, say so.
const PATIENCE_S = 8;

export class Turn {
  /** `act` has choose(turn, key), again(turn), retry(turn), edit(turn), moved(). */
  constructor(act, { question = "", turnId = null, eventId = null } = {}) {
    this.act = act;
    this.id = turnId;
    this.eventId = eventId;
    this.isDone = false;
    this.rating = { value: 0, reason: null, correction: null };
    this.said = h("div", { className: "said", hidden: true });
    this.text = h("div", { className: "text" });
    this.state = h("p", { className: "state small", hidden: true });
    this.aside = h("p", { className: "small trouble", role: "alert", hidden: true });
    this.under = h("div", { className: "under" });
    this.answer = h("div", { className: "answer", hidden: true }, h("h2", { className: "visually-hidden", textContent: say("bot") }), this.text, this.under);
    this.element = h("article", { className: "turn" }, this.said, this.answer, this.state, this.aside);
    this.ask(question);
  }

  /** Show what the person said. */
  ask(question) {
    this.question = question;
    this.said.hidden = !question;
    this.said.replaceChildren(h("h2", { className: "visually-hidden", textContent: say("you") }), h("p", { textContent: question }));
  }

  /** The turn's id is known: from now on it can be stopped and found again. */
  identify(turnId) {
    this.id = turnId;
    this.element.dataset.turn = turnId;
  }

  /** The message is under way and nothing is written yet. */
  wait() {
    if (this.isDone) return;
    this.element.setAttribute("aria-busy", "true");
    this.since ??= Date.now();
    if (!this.text.textContent) this.work();
    else this.say("");
  }

  /** Say that the answer is coming, and once that takes long, for how long it has been: for the eye every second, aloud once. */
  work() {
    const seconds = Math.floor((Date.now() - this.since) / 1000);
    const isLong = seconds >= PATIENCE_S;
    this.say(isLong ? say("working", { name: say("bot"), time: duration(seconds) }) : say("writing"), "writing");
    if (isLong) announce(say("working_aloud"), `working ${this.eventId ?? this.id}`);
    this.ticking = setTimeout(() => this.element.isConnected && this.work(), 1000);
  }

  /** The answer as far as it is written. */
  preview(text) {
    if (this.isDone) return;
    this.latest = text;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      if (this.isDone) return;
      this.answer.hidden = false;
      this.text.classList.add("running");
      this.text.replaceChildren(render(this.latest, hostsIn(this.question)));
      this.say("");
      this.act.moved();
    });
  }

  /** The answer is there: live, or read from the history (then quietly). */
  settle(reply, { quietly = false } = {}) {
    if (this.isDone) return;
    this.isDone = true;
    this.identify(reply.turn_id);
    this.reply = reply;
    this.element.removeAttribute("aria-busy");
    this.text.classList.remove("running");
    this.say("");
    this.warn("");
    this.answer.hidden = !reply.text && !reply.choices.length;
    this.text.replaceChildren(render(reply.text, hostsIn(this.question)));
    if (reply.rating) this.rating = { ...reply.rating };
    // Laid-out text has its breaks between paragraphs, list items and cells; textContent runs them together.
    const aloud = `${say("bot")}: ${this.text.innerText.replace(/\s+/g, " ").trim()}`;
    this.options = reply.choices.length ? new Options(reply, this.text, (key) => this.act.choose(this, key)) : null;
    this.under.replaceChildren(...[this.options?.element, this.files(reply), about(reply), this.actions(reply)].filter(Boolean));
    this.showRating();
    if (!quietly && reply.text) announce(aloud, reply.turn_id);
    this.act.moved();
  }

  /** A word on how things stand, under the turn. */
  say(words, kind = "") {
    clearTimeout(this.ticking);
    this.state.hidden = !words;
    this.state.className = `state small ${kind}`;
    this.state.replaceChildren(words);
  }

  /** What went wrong beside the answer, which goes on: it takes nothing away from how the answer stands. */
  warn(words) {
    this.aside.hidden = !words;
    this.aside.textContent = words;
  }

  /** The message was refused, or could not be sent: its text stays, with a way on. */
  fail(words, { canRetry = true } = {}) {
    if (this.isDone) return;
    this.element.removeAttribute("aria-busy");
    this.text.classList.remove("running");
    this.say("");
    this.warn("");
    const retry = h("button", { type: "button", className: "quiet small", textContent: say("retry"), onclick: () => this.act.retry(this) });
    const edit = h("button", { type: "button", className: "quiet small", textContent: say("edit"), onclick: () => this.act.edit(this) });
    this.state.className = "state small trouble";
    this.state.hidden = false;
    this.state.replaceChildren(h("span", { role: "alert", textContent: words }), canRetry ? retry : "", this.question ? edit : "");
    this.act.moved();
  }

  files({ files = [] }) {
    const links = files.map((file) => {
      const words = say("download", { name: file.name });
      const bytes = Uint8Array.from(atob(file.base64), (char) => char.charCodeAt(0));
      // Always as a plain download: a file that the browser would open could be a page.
      const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
      return h("a", { href: url, download: file.name, className: "choice", textContent: words });
    });
    return links.length ? h("div", { className: "files" }, ...links) : null;
  }

  actions(reply) {
    const again = h("button", { type: "button", className: "quiet small again", onclick: () => this.act.again(this) }, icon("again"), h("span", { textContent: say("again") }));
    // Stopped before a word was written: nothing to rate, but there is a question to answer.
    if (!reply.rateable) return reply.flags.includes("stopped") ? h("div", { className: "actions" }, again) : null;
    this.good = iconButton("up", say("good"), () => this.rate(1), { "aria-pressed": "false" });
    this.bad = iconButton("thumb-down", say("bad"), () => this.rate(-1), { "aria-pressed": "false" });
    this.correct = h("button", { type: "button", className: "quiet small", "aria-expanded": "false" }, icon("edit"), h("span", { textContent: say("correct") }));
    this.correct.addEventListener("click", () => this.openCorrection(this.box.hidden));
    this.reasons = new Reasons(this.id, { give: (reason) => this.send({ value: -1, reason }), moved: () => this.act.moved() });
    this.feedback = h("div", { className: "feedback" }, this.reasons.element, this.correctionBox());
    this.thanks = h("span", { className: "thanks small", role: "status" });
    return h("div", {}, h("div", { className: "actions" }, this.good, this.bad, this.correct, copyButton(() => reply.text), again, this.thanks), this.feedback);
  }

  correctionBox() {
    const id = `correction-${this.id}`;
    this.field = h("textarea", { id, rows: 3 });
    const cancel = h("button", { type: "button", className: "quiet", textContent: say("cancel"), onclick: () => this.openCorrection(false) });
    this.box = h("form", { className: "correction", hidden: true }, h("label", { for: id, textContent: say("correction") }), this.field, h("div", { className: "row" }, h("button", { type: "submit", className: "primary", textContent: say("save") }), cancel));
    this.box.addEventListener("submit", async (event) => {
      event.preventDefault();
      const correction = this.field.value.trim();
      if (!correction) return this.field.focus();
      if (await this.send({ value: this.rating.value || -1, correction }, say("saved"))) this.openCorrection(false);
    });
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        this.openCorrection(false);
      } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.box.requestSubmit();
    });
    this.given = h("p", { className: "given small", hidden: true });
    return h("div", {}, this.given, this.box);
  }

  openCorrection(isOpen, { focus = true } = {}) {
    this.box.hidden = !isOpen;
    this.correct.setAttribute("aria-expanded", String(isOpen));
    if (isOpen && !this.field.value) this.field.value = this.rating.correction ?? "";
    if (isOpen) this.act.moved();
    if (focus) (isOpen ? this.field : this.correct).focus();
  }

  async rate(value) {
    const next = this.rating.value === value ? 0 : value;
    if (!(await this.send({ value: next }))) return;
    if (next === -1) this.openCorrection(true, { focus: false });
    else if (!this.box.hidden) this.openCorrection(false, { focus: false });
  }

  /** Show a rating at once, store it, and take it back where that fails. Whether it is stored. */
  async send(change, words) {
    const before = this.rating;
    this.rating = change.value === before.value ? { ...before, ...change } : { reason: null, correction: null, ...change };
    this.showRating();
    try {
      const { message } = await request("/api/ratings", { turn_id: this.id, ...change });
      this.thank(words ?? (change.value === 0 ? say("withdrawn") : message || say("thanks")));
      return true;
    } catch (error) {
      this.rating = before;
      this.showRating();
      this.thank(error instanceof TypeError ? say("failed") : error.message, true);
      return false;
    }
  }

  /** A rating that came from another page of the same session. */
  rated({ value, reason, correction }) {
    const before = value === this.rating.value ? this.rating : { reason: null, correction: null };
    this.rating = { value, reason: reason ?? before.reason, correction: correction ?? before.correction };
    this.showRating();
  }

  showRating() {
    if (!this.good) return;
    const { value, correction } = this.rating;
    this.good.setAttribute("aria-pressed", String(value === 1));
    this.bad.setAttribute("aria-pressed", String(value === -1));
    this.reasons.show(this.rating);
    this.given.hidden = !correction || value === 0;
    this.given.textContent = correction ? say("corrected", { correction }) : "";
    if (value === 0 && !this.box.hidden) this.openCorrection(false, { focus: false });
  }

  thank(words, isTrouble = false) {
    this.thanks.textContent = words;
    this.thanks.classList.toggle("trouble", isTrouble);
    clearTimeout(this.thanking);
    if (!isTrouble) this.thanking = setTimeout(() => (this.thanks.textContent = ""), 4000);
  }
}
