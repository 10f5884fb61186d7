// A reliability diagram, and a curve of log-loss over the weeks.

import { lineThrough, scale, svg } from "./svg.js";

const SIZE = 300;
const WIDE = 460;
const EDGE = { left: 40, right: 26, top: 14, bottom: 34 };
const SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1];
// Areas of dots stand for matches; the largest and the smallest that can be pointed at.
const DOT_MAX = 11;
const DOT_MIN = 2.5;
const STEPS = 4;

/** Returns the diagram of bins: chance across, how often it came true up. */
export function reliability(bins) {
  const across = scale([0, 1], [EDGE.left, SIZE - EDGE.right]);
  const up = scale([0, 1], [SIZE - EDGE.bottom, EDGE.top]);
  const most = Math.max(1, ...bins.map(({ matches }) => matches));
  const radius = (matches) => Math.max(DOT_MIN, DOT_MAX * Math.sqrt(matches / most));
  const lines = SHARES.flatMap((share) => [
    svg("line", { class: "grid", x1: across(0), x2: across(1), y1: up(share), y2: up(share) }),
    svg("text", { class: "tick", x: across(0) - 6, y: up(share) + 4, "text-anchor": "end" }, percent(share)),
    svg("text", { class: "tick", x: across(share), y: up(0) + 16, "text-anchor": "middle" }, percent(share)),
  ]);
  const dots = bins.map(({ outcome, expected, observed, matches }) =>
    svg(
      "circle",
      { class: `dot ${outcome}`, cx: across(expected), cy: up(observed), r: radius(matches) },
      svg("title", {}, `${outcome}: ${matches} at ${percent(expected)}, true ${percent(observed)}`),
    ),
  );
  const perfect = svg("line", { class: "perfect", x1: across(0), x2: across(1), y1: up(0), y2: up(1) });
  return drawing(SIZE, SIZE, "Reliability diagram", [...lines, perfect, ...dots]);
}

/** Returns log-loss by week: ours, the market's, and the mean of ours so far. */
export function curve(weeks) {
  const values = weeks.flatMap(({ logLoss, running, marketLogLoss }) => [logLoss, running, marketLogLoss]);
  const known = values.filter((value) => typeof value === "number");
  const [low, high] = [Math.min(...known, 1) - 0.02, Math.max(...known, 0.5) + 0.02];
  const across = scale([0, Math.max(1, weeks.length - 1)], [EDGE.left, WIDE - EDGE.right]);
  const up = scale([low, high], [SIZE - EDGE.bottom, EDGE.top]);
  const grid = Array.from({ length: STEPS + 1 }, (_, step) => low + ((high - low) * step) / STEPS);
  const lines = grid.flatMap((value) => [
    svg("line", { class: "grid", x1: EDGE.left, x2: WIDE - EDGE.right, y1: up(value), y2: up(value) }),
    svg("text", { class: "tick", x: EDGE.left - 6, y: up(value) + 4, "text-anchor": "end" }, value.toFixed(2)),
  ]);
  const through = (name) =>
    lineThrough(
      weeks
        .map((week, place) => [across(place), week[name]])
        .filter(([, value]) => typeof value === "number")
        .map(([x, value]) => [x, up(value)]),
    );
  return drawing(WIDE, SIZE, "Log-loss by week", [
    ...lines,
    ...ends(weeks, across),
    svg("path", { class: "curve market", d: through("marketLogLoss") }),
    svg("path", { class: "curve week", d: through("logLoss") }),
    svg("path", { class: "curve running", d: through("running") }),
    ...weeks.map(({ week, logLoss, matches }, place) =>
      svg(
        "circle",
        { class: "dot week", cx: across(place), cy: up(logLoss), r: 3 },
        svg("title", {}, `Week of ${week}: ${logLoss.toFixed(3)} over ${matches}`),
      ),
    ),
  ]);
}

function ends(weeks, across) {
  const y = SIZE - EDGE.bottom + 16;
  const last = weeks.length - 1;
  const first = svg("text", { class: "tick", x: across(0), y }, weeks[0]?.week ?? "");
  if (last < 1) return [first];
  return [first, svg("text", { class: "tick", x: across(last), y, "text-anchor": "end" }, weeks[last].week)];
}

function drawing(width, height, label, children) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...children);
}

const percent = (share) => `${Math.round(share * 100)} %`;
