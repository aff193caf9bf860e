// What there is to choose under an answer: buttons in rows. Where the answer letters its options, each button holds all of its own.

import { h, say } from "./dom.js";

const LETTER = /^[A-Z]$/;
const AFTER_LETTER = /^[\s·]+/;

export class Options {
  /** The choices of a reply whose `text` is on the page already; `choose(key)` takes the one that was pressed. */
  constructor({ choices, chosen }, text, choose) {
    this.isOpen = true;
    const lettered = takeLettered(text, choices);
    const rows = new Map();
    for (const { key, label, row } of choices) {
      const whole = lettered?.get(label);
      const content = whole ? [h("span", { className: "letter", textContent: label }), h("span", {}, ...whole)] : [label];
      const button = h("button", { type: "button", className: whole ? "choice whole" : "choice", "aria-pressed": "false", "data-key": key, "data-label": label }, ...content);
      // The second half of a double click would answer the question that has come to stand there.
      button.addEventListener("click", ({ detail }) => detail < 2 && choose(key));
      rows.set(row, [...(rows.get(row) ?? []), button]);
    }
    const drawn = [...rows].map(([row, buttons]) => h("div", { className: lettered && row > 0 ? "row controls" : "row" }, ...buttons));
    this.element = h("div", { className: "choices", role: "group", "aria-label": say("choices"), tabindex: -1 }, ...drawn);
    this.buttons = [...rows.values()].flat();
    this.isItem = choices.some(({ key }) => key.startsWith("item:"));
    if (chosen) this.mark(chosen);
  }

  /** The key of the option that a typed answer is the letter or the label of; undefined for anything else. */
  keyOf(words) {
    const said = bare(words);
    const means = ({ dataset, textContent }, place) => said && [String.fromCharCode(97 + place), bare(dataset.label), bare(textContent)].includes(said);
    return this.buttons.find(means)?.dataset.key;
  }

  /** Mark the option that was taken; null opens them all again, and "" closes them without one. */
  mark(key) {
    this.isOpen = key === null;
    for (const button of this.buttons) {
      const isTaken = key !== null && button.dataset.key === key;
      button.setAttribute("aria-pressed", String(isTaken));
      button.disabled = !this.isOpen && !isTaken;
    }
  }
}

function bare(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

/** What each letter of the first row stands for, taken out of the text; null where the text does not letter them all. */
function takeLettered(text, choices) {
  const letters = choices.filter(({ row }) => row === 0).map(({ label }) => label);
  if (letters.length < 2 || !letters.every((label) => LETTER.test(label))) return null;
  const heads = new Map([...text.children].filter(isHead).map((head) => [head.firstChild.textContent, head]));
  if (!letters.every((letter) => heads.has(letter))) return null;
  return new Map(letters.map((letter) => [letter, take(heads.get(letter))]));
}

function isHead(element) {
  return element.tagName === "P" && element.firstChild?.nodeName === "STRONG" && LETTER.test(element.firstChild.textContent);
}

/** The words of one option: the rest of its paragraph, and the blocks below it up to the next letter. A button holds no blocks. */
function take(head) {
  const below = [];
  for (let next = head.nextElementSibling; next && !isHead(next); next = next.nextElementSibling) below.push(next);
  const [, ...rest] = head.childNodes;
  if (rest[0]?.nodeType === Node.TEXT_NODE) rest[0].data = rest[0].data.replace(AFTER_LETTER, "");
  const lines = below.flatMap((block) => (block.tagName === "UL" ? [...block.children].map((item) => ["• ", ...item.childNodes]) : [[...block.childNodes]]));
  for (const block of [head, ...below]) block.remove();
  return [...rest, ...lines.map((line) => h("span", { className: "option-line" }, ...line))];
}
