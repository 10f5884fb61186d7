// One match as a row of the board.

import { ChanceBar, chancesOf } from "./chances.js";
import { arrange, el, flash, put } from "./dom.js";
import { PriceCells } from "./prices.js";
import { winnerOf } from "./state.js";
import { isAhead, isInPlay, momentOf } from "./words.js";

const SIDES = ["home", "away"];

/** Draws a match; `show` may be called as often as one likes. */
export class Row {
  #shown = { home: null, away: null };

  constructor(id) {
    this.clock = el("span", { class: "clock" });
    this.period = el("span", { class: "period" });
    this.tag = el("span", { class: "tag", hidden: "" }, "Simulated");
    this.lines = Object.fromEntries(SIDES.map((side) => [side, line(side)]));
    this.chances = new ChanceBar();
    this.prices = new PriceCells();
    this.node = el(
      "li",
      { class: "row", "data-match": id },
      el("span", { class: "when" }, this.clock, this.period),
      el(
        "a",
        { class: "contest", href: `/matches/${encodeURIComponent(id)}` },
        this.lines.home.node,
        this.lines.away.node,
        this.chances.node,
      ),
      this.tag,
      this.prices.node,
    );
  }

  /** Shows a match and what its socket told of it. */
  show(match, state) {
    const { status } = match;
    const { main, more } = momentOf(match);
    this.node.dataset.sport = match.sport;
    this.node.dataset.status = status;
    this.node.dataset.stage = stageOf(status);
    put(this.clock, main);
    put(this.period, more);
    for (const side of SIDES) this.#side(side, match);
    const over = stageOf(status) === "results";
    const names = { home: match.home.name, away: match.away.name };
    this.chances.show(over ? null : chancesOf(state.prediction ?? match.chances), names);
    this.prices.show(over ? undefined : winnerOf(state));
  }

  #side(side, match) {
    const { name, points, periods } = this.lines[side];
    const other = side === "home" ? "away" : "home";
    const score = match[`${side}Score`];
    put(name, match[side].name);
    put(points, score === null || score === undefined || isAhead(match.status) ? "" : String(score));
    const before = this.#shown[side];
    if (before !== null && score !== before && isInPlay(match.status)) flash(points, "score");
    this.#shown[side] = score ?? null;
    this.lines[side].node.dataset.result =
      stageOf(match.status) === "results" && score < match[`${other}Score`] ? "lost" : "";
    showPeriods(periods, match, side);
  }
}

/** Which part of the board a status belongs to. */
export function stageOf(status) {
  if (isInPlay(status)) return "live";
  return isAhead(status) ? "upcoming" : "results";
}

function line(side) {
  const name = el("span", { class: "name" });
  const periods = el("span", { class: "sets", "aria-hidden": "true" });
  const points = el("span", { class: "points" });
  return { name, periods, points, node: el("span", { class: `line ${side}` }, name, periods, points) };
}

function showPeriods(node, { sport, periods }, side) {
  const shown = sport === "football" ? [] : (periods ?? []);
  arrange(
    node,
    shown.map((_, place) => node.children[place] ?? el("span")),
  );
  shown.forEach((period, place) => {
    put(node.children[place], String(period[side]));
    node.children[place].dataset.last = String(place === shown.length - 1);
  });
}
