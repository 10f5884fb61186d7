// The prices of one market as cells: written in place, flashing when they move.

import { el, flash, put } from "./dom.js";
import { isOpen, ordered } from "./state.js";
import { oddsText } from "./words.js";

const LABELS = { home: "1", draw: "X", away: "2", over: "Over", under: "Under" };

/** Which way a price went; null when there is nothing to compare. */
export function direction(before, now) {
  if (typeof before !== "number" || typeof now !== "number" || before === now) return null;
  return now > before ? "up" : "down";
}

/** The cells of a winner market in a row of the board. */
export class PriceCells {
  #cells = new Map();
  #shown = new Map();

  constructor() {
    this.list = el("div", { class: "cells" });
    this.word = el("span", { class: "suspended", hidden: "" }, "Suspended");
    this.node = el("div", { class: "prices", hidden: "" }, this.list, this.word);
  }

  /** Shows a market; none, or one that is over, is not shown. */
  show(market) {
    const shown = market && market.selections.length > 0 && !isOver(market);
    this.node.hidden = !shown;
    if (!shown) return;
    const selections = ordered(market);
    const closed = !selections.some((selection) => isOpen(market, selection));
    this.node.dataset.state = closed ? "suspended" : "open";
    this.word.hidden = !closed;
    const cells = selections.map((selection) => this.#cell(selection));
    if (this.list.children.length !== cells.length) this.list.replaceChildren(...cells);
    for (const selection of selections) this.#write(market, selection);
  }

  #cell({ id, key, name }) {
    if (!this.#cells.has(id)) {
      const label = el("span", { class: "label", title: name }, LABELS[key] ?? name);
      const odds = el("span", { class: "odds" });
      this.#cells.set(id, el("span", { class: "price", "data-key": key }, label, odds));
    }
    return this.#cells.get(id);
  }

  #write(market, selection) {
    const cell = this.#cells.get(selection.id);
    const way = direction(this.#shown.get(selection.id), selection.odds);
    cell.dataset.state = isOpen(market, selection) ? "open" : "suspended";
    put(cell.lastChild, oddsText(selection.odds));
    if (way) flash(cell, way);
    this.#shown.set(selection.id, selection.odds);
  }
}

const isOver = ({ status }) => status === "closed" || status === "settled";
