// Numbers, durations and money in the page's language, written as the bot itself writes them in its answers.

const language = document.documentElement.lang;
const BLANK = "\u00a0";

/** A whole number: `12,345`; in Spanish `12 345`, and four digits stand together. */
export function count(number) {
  const grouped = number.toLocaleString("en", { maximumFractionDigits: 0 });
  if (language !== "es") return grouped;
  return number < 10_000 ? grouped.replace(",", "") : grouped.replaceAll(",", BLANK);
}

/** A time at the precision that matters: `< 0.01 s`, `0.35 s`, `4.2 s`, `48 s`, `3 min 20 s`, `1 h 5 min`; whole seconds as such. */
export function duration(seconds) {
  if (Number.isInteger(seconds) && seconds < 60) return `${seconds}${BLANK}s`;
  if (seconds < 0.01) return `<${BLANK}${decimal("0.01")}${BLANK}s`;
  if (seconds < 0.995) return `${decimal(seconds.toFixed(2))}${BLANK}s`;
  if (seconds < 9.95) return `${decimal(seconds.toFixed(1))}${BLANK}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}${BLANK}s`;
  if (whole < 3600) return two(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(seconds / 60);
  return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

/** An amount of a currency, never rounded to nothing: `1.25 EUR`, `0.003 EUR`. Below one it has two digits that count. */
export function money(amount, currency) {
  const millionths = Math.round(amount * 1e6);
  const digits = String(millionths).length;
  const places = millionths === 0 || digits > 6 ? 2 : Math.min(6, Math.max(2, 8 - digits));
  const units = halfToEven(millionths / 10 ** (6 - places));
  const part = String(units % 10 ** places).padStart(places, "0");
  const whole = count(Math.floor(units / 10 ** places));
  return `${whole}${decimal(".")}${part.slice(0, 2)}${part.slice(2).replace(/0+$/, "")}${BLANK}${currency}`;
}

/** As the bot rounds, so that one amount never reads in two ways. */
function halfToEven(number) {
  const up = Math.round(number);
  return number % 1 === 0.5 && up % 2 ? up - 1 : up;
}

function two(large, unit, small, smallerUnit) {
  return `${large}${BLANK}${unit}${small ? `${BLANK}${small}${BLANK}${smallerUnit}` : ""}`;
}

function decimal(number) {
  return language === "es" ? number.replace(".", ",") : number;
}
