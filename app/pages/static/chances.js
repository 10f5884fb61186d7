// The chances of a match as one bar: home, draw, away.

import { el, put } from "./dom.js";
import { chanceText } from "./words.js";

const SIDES = ["home", "draw", "away"];
// Narrower, a number does not fit into its part.
const TEXT_FROM = 0.1;

/** Returns chances by side from a `prediction` of the socket or the `chances` of a list. */
export function chancesOf(prediction) {
  if (!prediction) return null;
  const { homeWinProb: home, drawProb: draw, awayWinProb: away } = prediction;
  return home === undefined ? prediction : { home, draw, away };
}

/** Draws chances as a bar, with numbers in it when it is `told`. */
export class ChanceBar {
  #parts = {};

  constructor({ told = false } = {}) {
    this.told = told;
    for (const side of SIDES) this.#parts[side] = el("span", { class: "part", "data-key": side });
    this.node = el(
      "span",
      { class: told ? "chances told" : "chances", role: "img", hidden: "" },
      ...SIDES.map((side) => this.#parts[side]),
    );
  }

  /** Shows chances, of sides with these names; null hides the bar. */
  show(chances, names) {
    this.node.hidden = !chances;
    if (!chances) return;
    for (const side of SIDES) {
      const part = this.#parts[side];
      const chance = chances[side];
      part.hidden = chance === null || chance === undefined;
      part.style.flexGrow = String(Math.max(chance ?? 0, 0));
      if (this.told) put(part, chance >= TEXT_FROM ? `${Math.round(chance * 100)} %` : "");
    }
    const text = sentence(chances, names);
    if (this.node.title !== text) {
      this.node.title = text;
      this.node.setAttribute("aria-label", text);
    }
  }
}

function sentence({ home, draw, away }, names) {
  const parts = [`${names.home} ${chanceText(home)}`];
  if (draw !== null && draw !== undefined) parts.push(`draw ${chanceText(draw)}`);
  return [...parts, `${names.away} ${chanceText(away)}`].join(", ");
}
