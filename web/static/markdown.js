// Markdown to DOM nodes. No HTML is ever parsed, pictures never load, and a link is only live when its host appears
// in the person's own message: an answer must not be able to send anybody, or anything, anywhere by itself.

import { copyButton, h, say } from "./dom.js";
import { inColumns, scale } from "./scale.js";

const MAX_DEPTH = 8;
const WRAPPED = 60;
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`\s]{0,40})[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const ITEM = /^( {0,12})([-*+]|\d{1,9}[.)])( +|$)(.*)$/;
const DIVIDER = /^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const LINK = /\[((?:[^\][\n]|\[[^\][\n]{0,200}\]){0,500})\]\(\s{0,5}<?([^\s<>()]{0,2000}(?:\([^\s<>()]{0,200}\)[^\s<>()]{0,500})?)>?(?:\s{1,5}"[^"\n]{0,200}")?\s{0,5}\)/y;
const ADDRESS = /https?:\/\/[^\s<>"'`|\\]{1,2000}/y;
const BAR = /([█▓]*)(░*)/y;
const PUNCTUATION = /[!-/:-@[-`{-~]/;

/** The host names that a person wrote. */
export function hostsIn(text) {
  const found = text.toLowerCase().slice(0, 20000).match(/[a-z0-9\u00a1-\uffff-]{1,63}(?:\.[a-z0-9\u00a1-\uffff-]{1,63})+/g) ?? [];
  const hosts = new Set();
  for (const name of found) {
    try {
      hosts.add(new URL(`http://${name}`).hostname);
    } catch {
      // Looked like a host and is none.
    }
  }
  return hosts;
}

/** A fragment that shows `text`. `hosts` are those that may be linked to. */
export function render(text, hosts = new Set()) {
  const fragment = document.createDocumentFragment();
  fragment.append(...blocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), hosts, 0));
  return fragment;
}

function blocks(lines, hosts, depth) {
  if (depth > MAX_DEPTH) return [h("p", {}, lines.join("\n"))];
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    let match;
    if (!line.trim()) at += 1;
    else if ((match = FENCE.exec(line))) at = fence(lines, at, match, nodes);
    else if ((match = HEADING.exec(line))) {
      // The page has h1 and h2 of its own; an answer's headings stand below them.
      nodes.push(h(`h${Math.min(6, match[1].length + 2)}`, {}, ...inline(match[2].replace(/[ \t]+#+[ \t]*$/, ""), hosts)));
      at += 1;
    } else if (RULE.test(line)) {
      nodes.push(h("hr"));
      at += 1;
    } else if (QUOTE.test(line)) at = quote(lines, at, hosts, depth, nodes);
    else if (ITEM.test(line)) at = list(lines, at, hosts, depth, nodes);
    else if (line.includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") && isDivider(lines[at + 1])) {
      at = table(lines, at, hosts, nodes);
    } else at = paragraph(lines, at, hosts, nodes);
  }
  return nodes;
}

function isDivider(line) {
  return line.length < 2000 && line.includes("|") && DIVIDER.test(line);
}

function beginsBlock(line) {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line);
}

function paragraph(lines, at, hosts, nodes) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !beginsBlock(lines[end])) end += 1;
  nodes.push(h("p", {}, ...inline(lines.slice(at, end).map(softly).join("").trimEnd(), hosts)));
  return end;
}

/** A line of a paragraph with what follows it: long lines are prose that an editor wrapped, short ones were meant as lines. */
function softly(line) {
  const isMeant = line.length < WRAPPED || / {2}$|\\$/.test(line);
  return line.trim().replace(/\\$/, "") + (isMeant ? "\n" : " ");
}

function fence(lines, at, [, marks, language], nodes) {
  const closing = new RegExp(`^ {0,3}${marks[0]}{${marks.length},}[ \\t]*$`);
  let end = at + 1;
  while (end < lines.length && !closing.test(lines[end])) end += 1;
  const code = lines.slice(at + 1, end).join("\n");
  nodes.push(
    h(
      "div",
      { className: "code" },
      h("div", { className: "code-head" }, h("span", { textContent: language || say("code") }), copyButton(() => code)),
      h("pre", { tabindex: 0, role: "group", "aria-label": language || say("code") }, h("code", { textContent: code })),
    ),
  );
  return Math.min(lines.length, end + 1);
}

function quote(lines, at, hosts, depth, nodes) {
  const inner = [];
  let match;
  while (at < lines.length && (match = QUOTE.exec(lines[at]))) {
    inner.push(match[1]);
    at += 1;
  }
  nodes.push(h("blockquote", {}, ...blocks(inner, hosts, depth + 1)));
  return at;
}

function list(lines, at, hosts, depth, nodes) {
  const [, , first] = ITEM.exec(lines[at]);
  const isOrdered = /\d/.test(first);
  const base = indentOf(lines[at]);
  const number = isOrdered ? Number.parseInt(first, 10) : 1;
  const element = h(isOrdered ? "ol" : "ul", number !== 1 ? { start: number } : {});
  let match;
  while (at < lines.length && (match = ITEM.exec(lines[at])) && Math.abs(match[1].length - base) < 2 && /\d/.test(match[2]) === isOrdered) {
    const inner = [match[4]];
    const content = match[1].length + match[2].length + 1;
    at += 1;
    for (; at < lines.length; at += 1) {
      const line = lines[at];
      const next = lines[at + 1] ?? "";
      if (!line.trim()) {
        if (!next.trim() || indentOf(next) < Math.min(content, base + 2)) break;
        inner.push("");
      } else if (indentOf(line) >= Math.min(content, base + 2)) inner.push(line.slice(Math.min(content, indentOf(line))));
      else if (beginsBlock(line) || !inner.at(-1).trim()) break;
      else inner.push(line.trim());
    }
    const made = blocks(inner, hosts, depth + 1);
    // An item of one paragraph needs no paragraph around it.
    if (made[0]?.tagName === "P") made.splice(0, 1, ...made[0].childNodes);
    element.append(inColumns(h("li", {}, ...made)));
    if (at < lines.length && !lines[at].trim() && ITEM.test(lines[at + 1] ?? "")) at += 1;
  }
  nodes.push(element);
  return at;
}

function indentOf(line) {
  return line.length - line.trimStart().length;
}

function table(lines, at, hosts, nodes) {
  const aligned = cells(lines[at + 1]).map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : null));
  const row = (line, tag) =>
    h("tr", {}, ...cells(line).slice(0, aligned.length).map((cell, column) => h(tag, { class: aligned[column], scope: tag === "th" ? "col" : null }, ...inline(cell, hosts))));
  const head = h("thead", {}, row(lines[at], "th"));
  const body = h("tbody");
  at += 2;
  for (; at < lines.length && lines[at].trim() && lines[at].includes("|"); at += 1) body.append(row(lines[at], "td"));
  nodes.push(h("div", { className: "table", tabindex: 0, role: "group" }, h("table", {}, head, body)));
  return at;
}

function cells(line) {
  const parts = line.trim().replace(/^\|/, "").split(/(?<!\\)\|/);
  if (parts.length > 1 && !parts.at(-1).trim()) parts.pop();
  return parts.slice(0, 50).map((part) => part.replaceAll("\\|", "|").trim());
}

/** The nodes of running text. Every search that failed once is not repeated, so the time stays in line with the length. */
function inline(text, hosts, depth = 0) {
  if (depth > MAX_DEPTH) return [text];
  const nodes = [];
  const hopeless = new Set();
  let plain = "";
  let at = 0;
  const flush = () => {
    if (plain) nodes.push(plain);
    plain = "";
  };
  while (at < text.length) {
    const char = text[at];
    let taken = null;
    if (char === "\\" && PUNCTUATION.test(text[at + 1] ?? "")) {
      plain += text[at + 1];
      at += 2;
      continue;
    }
    if (char === "\n") taken = [at + 1, [h("br")]];
    else if (char === "`") taken = codeSpan(text, at, hopeless);
    else if (char === "*" || char === "_" || char === "~") taken = emphasis(text, at, hosts, depth, hopeless);
    else if (char === "[" || (char === "!" && text[at + 1] === "[")) taken = link(text, at, hosts, depth);
    else if (char === "h") taken = address(text, at, hosts);
    else if (char >= "█" && char <= "▓") taken = bar(text, at);
    else if (char === "<" && /^<br ?\/?>/i.test(text.slice(at, at + 6))) taken = [text.indexOf(">", at) + 1, [h("br")]];
    if (taken === null) {
      plain += char;
      at += 1;
      if (char === "`") while (text[at] === "`") plain += text[at++];
    } else {
      flush();
      nodes.push(...taken[1]);
      at = taken[0];
    }
  }
  flush();
  return nodes;
}

/** A bar of at least four block characters is drawn, in one piece; aloud it would be the same word twenty times. */
function bar(text, at) {
  BAR.lastIndex = at;
  const [whole, full] = BAR.exec(text);
  if (whole.length < 4) return null;
  const drawn = h("span", { className: "blocks", "aria-hidden": "true", textContent: whole });
  drawn.style.setProperty("--share", `${(100 * full.length) / whole.length}%`);
  return [at + whole.length, [drawn]];
}

function codeSpan(text, at, hopeless) {
  let size = 1;
  while (text[at + size] === "`") size += 1;
  const marks = "`".repeat(size);
  if (hopeless.has(marks)) return null;
  let end = text.indexOf(marks, at + size);
  while (end >= 0 && text[end + size] === "`") {
    while (text[end] === "`") end += 1;
    end = text.indexOf(marks, end);
  }
  if (end < 0) {
    hopeless.add(marks);
    return null;
  }
  const code = text.slice(at + size, end).replaceAll("\n", " ");
  return [end + size, [scale(code) ?? h("code", { textContent: code.trim() ? code.replace(/^ (.*) $/, "$1") : code })]];
}

function emphasis(text, at, hosts, depth, hopeless) {
  const char = text[at];
  const isDouble = text[at + 1] === char;
  if (char === "~" && !isDouble) return null;
  const marks = isDouble ? char + char : char;
  const start = at + marks.length;
  if (hopeless.has(marks) || /^\s?$/.test(text[start] ?? "")) return null;
  if (char === "_" && /[\p{L}\p{N}]/u.test(text[at - 1] ?? "")) return null;
  for (let end = text.indexOf(marks, start + 1); end >= 0; end = text.indexOf(marks, end + 1)) {
    if (/\s/.test(text[end - 1]) || text[end - 1] === "\\") continue;
    if (!isDouble && (text[end + 1] === char || text[end - 1] === char)) {
      while (text[end + 1] === char) end += 1;
      continue;
    }
    if (isDouble && text[end + 2] === char) end += 1;
    if (char === "_" && /[\p{L}\p{N}]/u.test(text[end + marks.length] ?? "")) continue;
    const tag = char === "~" ? "s" : isDouble ? "strong" : "em";
    return [end + marks.length, [h(tag, {}, ...inline(text.slice(start, end), hosts, depth + 1))]];
  }
  hopeless.add(marks);
  return null;
}

function link(text, at, hosts, depth) {
  const isPicture = text[at] === "!";
  LINK.lastIndex = at + (isPicture ? 1 : 0);
  const match = LINK.exec(text);
  if (!match) return null;
  const [, label, target] = match;
  return [LINK.lastIndex, shown(isPicture ? [label] : inline(label, new Set(), depth + 1), label, target, isPicture ? new Set() : hosts)];
}

function address(text, at, hosts) {
  ADDRESS.lastIndex = at;
  const match = ADDRESS.exec(text);
  if (!match) return null;
  let url = match[0].replace(/[.,;:!?*_~\])}]+$/, (tail) => (/^\)/.test(tail) && match[0].includes("(") ? ")" : ""));
  if (url.length < 9) url = match[0];
  return [at + url.length, shown([url], url, url, hosts)];
}

/** A live link where the person named the host themselves; else the words, and the address as text. */
function shown(nodes, label, target, hosts) {
  let url = null;
  try {
    url = new URL(target);
  } catch {
    // Not an absolute address.
  }
  if (url && (url.protocol === "https:" || url.protocol === "http:") && !url.username && hosts.has(url.hostname)) {
    return [h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow", title: url.href }, ...nodes)];
  }
  return label === target || !target ? nodes : [...nodes, ` (${target})`];
}
