// Small words for building the page: elements, icons, and the strings of its language. Nothing here ever parses HTML.

const page = JSON.parse(document.getElementById("data").textContent);

export const textLimit = page.textLimit;

/** The string under `key`, with `{names}` filled in. */
export function say(key, values = {}) {
  return (page.strings[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** An element. Props starting with "on" are listeners, known DOM properties are set, the rest become attributes. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (["className", "hidden", "disabled", "textContent", "value", "htmlFor"].includes(name)) element[name] = value;
    else element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** One of the icons that the page brings along. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** A button that shows an icon and says what it does. */
export function iconButton(name, label, onclick, extra = {}) {
  return h("button", { type: "button", className: "quiet icon", "aria-label": label, title: label, onclick, ...extra }, icon(name));
}

/** Put text on the clipboard; whether it worked. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Plain http beyond this machine has no clipboard interface; the old command still works there.
    const area = h("textarea", { value: text, className: "visually-hidden" });
    document.body.append(area);
    area.select();
    const worked = document.execCommand("copy");
    area.remove();
    return worked;
  }
}

/** A button that copies what `text()` gives, and says so for a moment. */
export function copyButton(text, label = say("copy")) {
  const words = h("span", { textContent: label });
  const button = h("button", { type: "button", className: "quiet small" }, icon("copy"), words);
  button.addEventListener("click", async () => {
    words.textContent = say((await copy(text())) ? "copied" : "copy_failed");
    setTimeout(() => (words.textContent = label), 1600);
  });
  return button;
}

const announcer = document.getElementById("announcer");

const announced = new Set();

/** Have a screen reader say something when it is free; once per `id`, whatever brings it and however often. */
export function announce(text, id) {
  if (announced.has(id)) return;
  announced.add(id);
  announcer.append(h("p", { textContent: text }));
  while (announcer.children.length > 5) announcer.firstElementChild.remove();
}

/** sessionStorage or localStorage, which a browser may forbid. */
export function stored(storage, key, value) {
  try {
    if (value === undefined) return window[storage].getItem(key);
    if (value === null) window[storage].removeItem(key);
    else window[storage].setItem(key, value);
  } catch {
    // Without storage the page works, it only remembers nothing.
  }
  return null;
}
