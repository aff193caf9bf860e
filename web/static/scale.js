// Where a preference lies between two poles: a scale of characters in code is drawn, and the lines of several stand in columns.

import { h } from "./dom.js";

const SCALE = /^-*\|?-*o-*\|?-*$/;
const SHORTEST = 7;

/** A drawn scale for code such as `-----|-o---`; null for any other. Aloud it says nothing: the words beside it say the same. */
export function scale(code) {
  if (code.length < SHORTEST || !SCALE.test(code)) return null;
  const drawn = h("span", { className: "scale", "aria-hidden": "true" }, h("span", { textContent: code }));
  drawn.style.setProperty("--place", `${(100 * code.indexOf("o")) / (code.length - 1)}%`);
  return drawn;
}

/** A list item of the form `Pole SCALE Pole: what was found` in columns; any other as it is. */
export function inColumns(item) {
  const [before, drawn, after] = item.childNodes;
  if (item.childNodes.length !== 3 || !drawn.classList?.contains("scale") || after.nodeType !== Node.TEXT_NODE) return item;
  const [, pole, found] = /^([^:]*):?(.*)$/s.exec(after.data);
  const pause = h("span", { className: "visually-hidden", textContent: ":" });
  item.className = "scaled";
  item.replaceChildren(
    h("span", { className: "pole", textContent: before.textContent.trim() }),
    " ",
    drawn,
    " ",
    h("span", { className: "pole" }, pole.trim(), pause),
    " ",
    h("span", { className: "found", textContent: found.trim() }),
  );
  return item;
}
