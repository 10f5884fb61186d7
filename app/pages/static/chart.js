// The path the prices of one market took, and takes.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { el, put } from "./dom.js";
import { isOpen, ordered } from "./state.js";
import { oddsText } from "./words.js";

const HEIGHT = 240;
// Prices kept in the page; the oldest go first.
const POINTS_MAX = 20_000;
// Odds are spaced by the chance they stand for, so that 1.2 → 1.4 is as long as it feels and an
// outsider at 200 doesn't press everything else flat.
// Ticks that may be shown, the rounder first; a later one only where there is room.
const TICKS = [
  [1.01, 1.5, 2, 3, 5, 10],
  [1.2, 2.5, 4, 20, 100],
  [1.1, 1.3, 1.75, 2.25, 3.5, 7],
  [1.05, 1.4, 1.6, 2.1, 2.4, 2.75, 3.2, 4.5, 6, 8, 14, 50],
];
const TICKS_MOST = 7;
const toChance = (odds) => -1 / odds;
const toOdds = (place) => -1 / place;

/** Draws the prices of a market's selections over time. */
export class PriceChart {
  #points = []; // { at, id, odds }, in order of time; odds null: not to be had
  #selections = [];
  #plot = null;

  constructor({ node, keys }) {
    this.node = node;
    this.keys = keys;
    new ResizeObserver(() => this.#fit()).observe(node);
    document.documentElement.addEventListener("themechange", () => this.#restart());
  }

  /** Takes the path so far, as /api/odds/{id}/history tells it. */
  begin(market, path) {
    const until = path.at(-1)?.at ?? 0;
    this.#points = [...path, ...this.#points.filter(({ at }) => at > until)];
    this.#name(market);
    this.#restart();
    this.#write(market);
  }

  /** Takes the prices of now and draws when one differs. */
  add(market) {
    const renamed = this.#name(market);
    let added = false;
    for (const selection of market.selections) {
      const odds = isOpen(market, selection) ? selection.odds : null;
      if (this.#last(selection.id) === odds) continue;
      this.#points.push({ at: this.#moment(market, selection), id: selection.id, odds });
      added = true;
    }
    if (this.#points.length > POINTS_MAX) this.#points.splice(0, POINTS_MAX / 10);
    if (renamed || !this.#plot) this.#restart();
    else if (added) this.#plot.setData(this.#columns());
    this.#write(market);
  }

  // The server's clock, never ours, and never back.
  #moment(market, selection) {
    const told = [market.updatedAt, selection.updatedAt].map((text) => Date.parse(text) || 0);
    return Math.max(...told.map((ms) => ms / 1000), this.#points.at(-1)?.at ?? 0);
  }

  #last(id) {
    return this.#points.findLast((point) => point.id === id)?.odds;
  }

  #name(market) {
    const selections = ordered(market);
    const same = selections.map(({ id }) => id).join() === this.#selections.map(({ id }) => id).join();
    if (same) return false;
    this.#selections = selections;
    this.keys.replaceChildren(
      ...selections.map(({ key, name }) =>
        el(
          "li",
          { class: "key", "data-key": key },
          el("span", { class: "swatch" }),
          `${name} `,
          el("b"),
        ),
      ),
    );
    return true;
  }

  #write(market) {
    this.node.dataset.points = String(this.#points.length);
    ordered(market).forEach((selection, place) => {
      const price = this.keys.children[place]?.querySelector("b");
      if (price) put(price, isOpen(market, selection) ? oddsText(selection.odds) : "–");
    });
  }

  // One column of times and one a selection; undefined: no news, null: a gap.
  #columns() {
    const times = [...new Set(this.#points.map(({ at }) => at))];
    const place = new Map(times.map((at, index) => [at, index]));
    const columns = this.#selections.map(() => Array(times.length).fill(undefined));
    const column = new Map(this.#selections.map(({ id }, index) => [id, columns[index]]));
    for (const { at, id, odds } of this.#points) {
      const of = column.get(id);
      if (of) of[place.get(at)] = odds;
    }
    return [times, ...columns.map(carried)];
  }

  #fit() {
    if (this.#plot) this.#plot.setSize({ width: this.node.clientWidth, height: HEIGHT });
  }

  #restart() {
    this.#plot?.destroy();
    this.#plot = null;
    if (!this.#selections.length || !this.#points.length || !this.node.clientWidth) return;
    const swatches = [...this.keys.querySelectorAll(".swatch")];
    const colours = swatches.map((swatch) => getComputedStyle(swatch).backgroundColor);
    this.#plot = new uPlot(options(this.#selections, colours, this.node), this.#columns(), this.node);
  }
}

// A price stands until the next one.
function carried(column) {
  let last = null;
  return column.map((odds) => {
    if (odds !== undefined) last = odds;
    return last;
  });
}

function options(selections, colours, node) {
  const style = getComputedStyle(node);
  const axis = {
    stroke: style.color,
    grid: { stroke: style.borderTopColor, width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: node.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false } },
    scales: { y: { distr: 100, fwd: toChance, bwd: toOdds, range } },
    axes: [
      { ...axis, space: 64, size: 30, values: times },
      { ...axis, size: 42, splits: ticks, values: labels, filter: all },
    ],
    series: [
      {},
      ...selections.map(({ name }, place) => ({
        label: name,
        stroke: colours[place],
        width: 2,
        paths: uPlot.paths.stepped({ align: 1 }),
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

// Else uPlot drops what it takes for too many on a scale that isn't linear.
const all = (_, splits) => splits;
const labels = (_, splits) => splits.map((odds) => oddsText(odds));

function ticks(_, __, low, high) {
  const room = (toChance(high) - toChance(low)) / TICKS_MOST;
  const taken = [];
  for (const odds of TICKS.flat()) {
    const far = taken.every((other) => Math.abs(toChance(other) - toChance(odds)) >= room);
    if (odds >= low && odds <= high && far) taken.push(odds);
  }
  return taken.sort((a, b) => a - b);
}

const MINUTES = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

// Times of day in the reader's manner, with seconds only when they are apart by less than minutes.
function times(_, splits, __, ___, increment) {
  const form = increment < 60 ? SECONDS : MINUTES;
  return splits.map((second) => form.format(new Date(second * 1000)));
}

// A little air on both sides, in the spacing of chances.
function range(_, low, high) {
  if (low === null || high === null) return [1.01, 10];
  const [from, to] = [toChance(low), toChance(high)];
  const air = Math.max(0.02, (to - from) * 0.06);
  return [toOdds(Math.max(-0.999, from - air)), toOdds(Math.min(-0.004, to + air))];
}
