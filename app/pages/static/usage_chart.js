// What was used, a bar a day.

const SPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 180;
const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;
const GAP_MAX = 6;
// Labels of days stand at least so far apart.
const LABEL_WIDTH = 64;

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const NUMBER = new Intl.NumberFormat();
const SHORT = new Intl.NumberFormat(undefined, { notation: "compact" });

function shape(name, attributes, ...children) {
  const node = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

/** Returns every day from one to another, both included, with its units and refusals. */
export function byDay({ from, to, items }) {
  const days = new Map();
  for (let at = Date.parse(from); at <= Date.parse(to); at += 86_400_000) {
    days.set(new Date(at).toISOString().slice(0, 10), { units: 0, requests: 0, refused: 0 });
  }
  for (const { day, units, requests, refused } of items) {
    const sum = days.get(day);
    if (!sum) continue;
    sum.units += units;
    sum.requests += requests;
    sum.refused += refused;
  }
  return [...days].map(([day, sum]) => ({ day, ...sum }));
}

/** Returns the round number at or above a count, and steps to it: 1, 2 or 5 times a power of ten. */
export function scale(most) {
  const rough = Math.max(most, 4) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  return { step, top: step * Math.ceil(Math.max(most, 4) / step) };
}

export const dayText = (day) => DAY.format(new Date(`${day}T00:00:00Z`));
export const dateText = (time) => DATE.format(new Date(time));
export const numberText = (number) => NUMBER.format(number);

/** Says a day in words. */
export function told({ day, units, requests, refused }) {
  const more = refused ? `, ${numberText(refused)} refused` : "";
  return `${dayText(day)}: ${numberText(units)} units, ${numberText(requests)} requests${more}`;
}

/** Draws days into a figure; `point` is called with the day that is pointed at, or focussed. */
export function drawUsage(node, days, point) {
  const width = Math.max(280, node.clientWidth);
  const { step, top } = scale(Math.max(...days.map(({ units }) => units)));
  const room = (width - LEFT) / days.length;
  const gap = Math.min(GAP_MAX, room * 0.25);
  const place = (units) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - units / top);
  const lines = [];
  for (let units = 0; units <= top; units += step) {
    const y = place(units);
    lines.push(
      shape("line", { class: "grid", x1: LEFT, x2: width, y1: y, y2: y }),
      shape("text", { class: "tick", x: LEFT - 8, y: y + 4 }, SHORT.format(units)),
    );
  }
  const every = Math.ceil(LABEL_WIDTH / room);
  const bars = days.map((one, index) => {
    const x = LEFT + index * room;
    const y = place(one.units);
    const bar = shape(
      "g",
      { class: "day", tabindex: 0, role: "img", "aria-label": told(one), "data-day": one.day },
      shape("rect", { class: "room", x, y: TOP, width: room, height: HEIGHT - TOP - BOTTOM }),
      shape("rect", {
        class: "bar",
        x: x + gap / 2,
        y,
        width: room - gap,
        height: Math.max(0, HEIGHT - BOTTOM - y),
        rx: Math.min(3, (room - gap) / 3),
      }),
    );
    for (const name of ["pointerenter", "focus"]) bar.addEventListener(name, () => point(one));
    // Counted from today, which is always named.
    if ((days.length - 1 - index) % every === 0 && x + room / 2 > LEFT + LABEL_WIDTH / 3) {
      const at = Math.min(x + room / 2, width - LABEL_WIDTH / 3);
      bar.append(shape("text", { class: "when", x: at, y: HEIGHT - 5 }, dayText(one.day)));
    }
    return bar;
  });
  const view = { class: "usage", viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT };
  node.replaceChildren(shape("svg", { ...view, "aria-label": "Units a day" }, ...lines, ...bars));
}
