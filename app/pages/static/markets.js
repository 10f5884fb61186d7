// Every market of a match as a table, written in place.

import { arrange, el, flash, put } from "./dom.js";
import { direction } from "./prices.js";
import { isOpen, ordered } from "./state.js";
import { chanceText, inMarketOrder, marketName, marketState, oddsText } from "./words.js";

const COLUMNS = ["Selection", "Odds", "Best", "Bookmaker", "Chance"];

/** Draws the markets of a match. */
export class MarketTables {
  #tables = new Map();

  /** `onPick(picked)` is told which price somebody wants to bet on. */
  constructor(onPick = null) {
    this.onPick = onPick;
    this.node = document.getElementById("markets");
    this.none = document.getElementById("no-markets");
  }

  /** Shows the markets of a match of a sport in the order people read them. */
  show(markets, sport) {
    const shown = [...markets].sort(inMarketOrder).filter(({ selections }) => selections.length > 0);
    arrange(this.node, shown.map((market) => this.#table(market, sport)));
    this.none.hidden = shown.length > 0;
  }

  #table(market, sport) {
    if (!this.#tables.has(market.id)) this.#tables.set(market.id, new MarketTable(market, this.onPick));
    const table = this.#tables.get(market.id);
    table.show(market, sport);
    return table.node;
  }
}

class MarketTable {
  #rows = new Map();

  constructor({ id }, onPick) {
    this.onPick = onPick;
    this.name = el("span", { class: "market-name" });
    this.state = el("span", { class: "market-state" });
    this.margin = el("span", { class: "margin" });
    const head = COLUMNS.map((name) => el("th", { scope: "col" }, name));
    this.body = el("tbody");
    this.node = el(
      "table",
      { class: "market", "data-market": id },
      el("caption", {}, this.name, this.state, this.margin),
      el("thead", {}, el("tr", {}, ...head)),
      this.body,
    );
  }

  show(market, sport) {
    put(this.name, marketName(market, sport));
    put(this.state, marketState(market));
    put(this.margin, marginText(market.overround));
    this.node.dataset.state = market.status;
    arrange(this.body, ordered(market).map((selection) => this.#row(market, selection)));
  }

  #row(market, selection) {
    if (!this.#rows.has(selection.id)) this.#rows.set(selection.id, newRow(selection));
    const row = this.#rows.get(selection.id);
    const way = direction(row.odds, selection.odds);
    put(row.cells[0], selection.name);
    const open = isOpen(market, selection);
    this.#offer(row, { ...selection, open, name: `${selection.name} · ${this.name.textContent}` });
    put(row.cells[2], oddsText(selection.bestOdds));
    put(row.cells[3], selection.bestProvider ?? "–");
    put(row.cells[4], chanceText(selection.fairProbability));
    row.node.dataset.state = open ? "open" : "suspended";
    if (way) flash(row.cells[1], way);
    row.odds = selection.odds;
    return row.node;
  }

  // Only who may bet here finds a button; a price that nobody takes is text.
  #offer(row, picked) {
    if (!this.onPick) return put(row.cells[1], oddsText(picked.odds));
    if (!row.pick) {
      row.pick = el("button", { type: "button", class: "pick" });
      row.pick.addEventListener("click", () => this.onPick(row.picked));
      row.cells[1].replaceChildren(row.pick);
    }
    row.picked = picked;
    row.pick.disabled = !picked.open;
    row.pick.ariaLabel = `Bet on ${picked.name} at ${oddsText(picked.odds)}`;
    put(row.pick, oddsText(picked.odds));
  }
}

function newRow({ id }) {
  const name = el("th", { scope: "row" });
  const numbers = ["price odds", "number", "bookmaker", "number"];
  const cells = [name, ...numbers.map((kind) => el("td", { class: kind }))];
  return { cells, odds: null, node: el("tr", { "data-selection": id }, ...cells) };
}

// The overround is what the odds add up to over one; it may be told either way.
function marginText(overround) {
  if (typeof overround !== "number") return "";
  const over = overround > 0.5 ? overround - 1 : overround;
  return `margin ${(over * 100).toFixed(1)} %`;
}
