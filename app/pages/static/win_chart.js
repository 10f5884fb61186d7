// How the chances of a match went: three layers over time, with a line wherever the score changed.

import { chancesOf } from "./chances.js";
import { put } from "./dom.js";
import { redraw, scale, stepped, svg } from "./svg.js";
import { timeOf } from "./words.js";

const SIZE = { width: 640, height: 220 };
const EDGE = { left: 34, right: 8, top: 18, bottom: 22 };
// One a minute, and some for each goal; the oldest go first.
const POINTS_MAX = 2_000;
// Where scores are that many, single points are no marks.
const MARKS_MAX = 16;
const HALVES = [0, 0.5, 1];
// How long a match is, where its clock counts minutes of play.
const MINUTES = { football: 90, hockey: 60, basketball: 40 };
const NBA_MINUTES = 48;
// What a line marks; in basketball scores are too many for lines.
const GOALS = "; a line is a goal";
const LINES = { football: GOALS, hockey: GOALS, tennis: "; a line is a set" };
// The last chances are those of now: a sliver says so.
const NOW_WIDTH = 3;

/** Draws the path of the chances of a match of some sport. */
export class WinChart {
  #points = []; // { at, phase, minute, home, draw, away, score }, in order of time

  constructor({ node, note, sport, league }) {
    const isNba = sport === "basketball" && /\bnba\b/i.test(league);
    this.minutes = isNba ? NBA_MINUTES : (MINUTES[sport] ?? 0);
    this.begunNote = `Chances since the start${LINES[sport] ?? ""}.`;
    this.node = node;
    this.note = note;
    this.drawing = svg("svg", {
      viewBox: `0 0 ${SIZE.width} ${SIZE.height}`,
      role: "img",
      "aria-label": "How the chances of home, draw and away went",
    });
    node.replaceChildren(this.drawing);
  }

  /** Takes the path so far, as /api/v1/predictions/{id}/history tells it. */
  begin(points) {
    const told = points.map((point) => ({
      at: Date.parse(point.at),
      phase: point.phase,
      minute: point.minute,
      home: point.home_win_prob,
      draw: point.draw_prob,
      away: point.away_win_prob,
      score: scoreOf(point.home_score, point.away_score),
    }));
    const until = told.at(-1)?.at ?? 0;
    this.#points = [...told, ...this.#points.filter(({ at }) => at > until)];
    this.#draw();
  }

  /** Takes a prediction of the socket, told while the score was this. */
  add(prediction, { homeScore, awayScore } = {}) {
    const at = Date.parse(prediction?.generatedAt);
    if (!(at > (this.#points.at(-1)?.at ?? 0))) return;
    const { minute, model } = prediction;
    this.#points.push({
      at,
      phase: model?.phase ?? "before",
      minute,
      ...chancesOf(prediction),
      score: scoreOf(homeScore, awayScore),
    });
    if (this.#points.length > POINTS_MAX) this.#points.splice(0, POINTS_MAX / 10);
    this.#draw();
  }

  #draw() {
    const begun = this.#points.filter(({ phase }) => phase !== "before");
    const before = this.#points.filter(({ phase }) => phase === "before").slice(-1);
    const shown = begun.length ? [...before, ...begun] : this.#points;
    this.node.hidden = this.#points.length === 0;
    this.node.dataset.points = String(this.#points.length);
    put(this.note, begun.length ? this.begunNote : notBegun(shown));
    if (!shown.length) return;
    const placed = placedBy(shown, this.minutes);
    redraw(this.drawing, ...layers(placed, shown), ...frame(placed), ...marks(placed, shown));
  }
}

const notBegun = (shown) =>
  shown.length ? "Chances before the start." : "No prediction yet; one is being made.";

function scoreOf(home, away) {
  return home === null || home === undefined ? null : [home, away];
}

// Across goes the match's minute where every point has one, else the time of day.
function placedBy(shown, minutes) {
  const played = shown.filter(({ phase }) => phase === "in_play");
  const byMinute = played.length > 0 && played.every(({ minute }) => typeof minute === "number");
  const last = byMinute ? Math.max(...played.map(({ minute }) => minute)) : 0;
  const values = shown.map(({ phase, minute, at }) => {
    if (!byMinute) return at;
    return phase === "before" ? 0 : (minute ?? last);
  });
  // A clock that was put right does not draw the line backwards.
  values.forEach((value, place) => {
    values[place] = Math.max(value, values[place - 1] ?? value);
  });
  const domain = byMinute ? [0, Math.max(last, minutes)] : [values[0], values.at(-1)];
  const across = scale(domain, [EDGE.left, SIZE.width - EDGE.right]);
  const up = scale([0, 1], [SIZE.height - EDGE.bottom, EDGE.top]);
  return { xs: values.map(across), up, domain, byMinute };
}

function layers({ xs, up }, shown) {
  const right = Math.min(xs.at(-1) + NOW_WIDTH, SIZE.width - EDGE.right);
  const edge = (value) => [
    ...stepped(shown.map((one, place) => [xs[place], up(value(one))])),
    [right, up(value(shown.at(-1)))],
  ];
  const bottom = edge(() => 0);
  const first = edge(({ home }) => home);
  const second = edge(({ home, draw }) => home + (draw ?? 0));
  const top = edge(() => 1);
  return [
    ["home", bottom, first],
    ["draw", first, second],
    ["away", second, top],
  ].map(([side, low, high]) => svg("path", { class: `layer ${side}`, d: between(low, high) }));
}

function between(low, high) {
  const points = [...high, ...[...low].reverse()];
  return `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`;
}

function frame({ up, domain, byMinute }) {
  const [left, right] = [EDGE.left, SIZE.width - EDGE.right];
  const lines = HALVES.flatMap((share) => [
    svg("line", { class: "grid", x1: left, x2: right, y1: up(share), y2: up(share) }),
    svg("text", { class: "tick", x: left - 6, y: up(share) + 4, "text-anchor": "end" }, `${share * 100}`),
  ]);
  const words = byMinute ? ["0'", `${Math.round(domain[1])}'`] : domain.map((ms) => timeOf(ms));
  const [from, to] = words;
  const y = SIZE.height - 6;
  return [
    ...lines,
    svg("text", { class: "tick", x: left, y }, from),
    svg("text", { class: "tick", x: right, y, "text-anchor": "end" }, to),
  ];
}

function marks({ xs }, shown) {
  const found = [];
  let last = null;
  shown.forEach(({ score }, place) => {
    if (!score) return;
    const [home, away] = last ?? [0, 0];
    if (score[0] !== home || score[1] !== away) found.push([xs[place], score]);
    last = score;
  });
  if (found.length > MARKS_MAX) return [];
  return found.map(([x, [home, away]]) =>
    svg(
      "g",
      { class: "goal-mark" },
      svg("line", { x1: x, x2: x, y1: EDGE.top - 4, y2: SIZE.height - EDGE.bottom }),
      svg("text", { x, y: EDGE.top - 7, "text-anchor": "middle" }, `${home}–${away}`),
    ),
  );
}
