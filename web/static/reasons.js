// Why an answer was not right: a row of reasons under a 👎, the last of which opens the styles to ask for instead.

import { h, say } from "./dom.js";

const REASONS = ["wrong", "long", "short", "hard", "easy"];
const STYLES = ["more_examples", "more_theory", "step_by_step", "overview", "more_practice", "less_practice", "outline", "prose"];
/** Another style without saying which: given in the console, or by another client. */
const STYLE = "style";

export class Reasons {
  /** `give(reason)` takes the reason that was pressed; `moved()` hears that there is more, or less, on the page. */
  constructor(id, { give, moved }) {
    this.give = give;
    this.moved = moved;
    this.styles = h("div", { id: `styles-${id}`, className: "styles", role: "group", "aria-label": say("reason_style"), hidden: true }, ...STYLES.map((reason) => this.button(reason)));
    this.more = h("button", {
      type: "button",
      className: "choice small more",
      "aria-expanded": "false",
      "aria-controls": this.styles.id,
      "aria-pressed": "false",
      textContent: say("reason_style"),
      onclick: () => this.open(this.styles.hidden),
    });
    this.styles.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.open(false);
      this.more.focus();
    });
    const title = h("span", { className: "small", textContent: say("why") });
    this.element = h("div", { className: "why", role: "group", "aria-label": say("why"), hidden: true }, title, ...REASONS.map((reason) => this.button(reason)), this.more, this.styles);
  }

  button(reason) {
    return h("button", {
      type: "button",
      className: "choice small",
      "aria-pressed": "false",
      "data-reason": reason,
      textContent: say(`reason_${reason}`),
      onclick: () => this.give(reason),
    });
  }

  open(isOpen) {
    this.styles.hidden = !isOpen;
    this.more.setAttribute("aria-expanded", String(isOpen));
    this.moved();
  }

  /** Show them under a 👎, with the given one pressed. A style that was given, here or elsewhere, is not hidden away. */
  show({ value, reason }) {
    this.element.hidden = value !== -1;
    const isStyle = value === -1 && STYLES.includes(reason);
    for (const button of this.element.querySelectorAll("[data-reason]")) {
      button.setAttribute("aria-pressed", String(value === -1 && button.dataset.reason === reason));
    }
    this.more.setAttribute("aria-pressed", String(isStyle || (value === -1 && reason === STYLE)));
    if (isStyle !== this.wasStyle || value !== -1) this.open(isStyle);
    this.wasStyle = isStyle;
  }
}
