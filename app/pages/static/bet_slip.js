// The bet slip of a match: pick a price, place it, see what becomes of it.

import { followBets } from "./bets_socket.js";
import { arrange, el, put } from "./dom.js";
import { ask, enter, isLoggedIn, leave, Refused } from "./log_in.js";
import { oddsText } from "./words.js";

const at = (id) => document.getElementById(id);
const BETS_SHOWN_MAX = 20;
const REFUSALS = {
  odds_changed: "The price has moved.",
  market_suspended: "The market is suspended.",
  market_closed: "The market is closed.",
  source_stale: "Nobody has confirmed this price lately.",
  score_changed: "The score changed.",
  insufficient_funds: "There is not enough money available.",
  exposure_exceeded: "Too much hangs on this answer already.",
  self_excluded: "You excluded yourself.",
};
const STATES = {
  pending: "Pending",
  accepted: "Accepted",
  refused: "Refused",
  won: "Won",
  lost: "Lost",
  void: "Void",
  half_won: "Half won",
  half_lost: "Half lost",
  cashed_out: "Cashed out",
};

/** Returns what a slip could bring back, in whole cents: exact, as the server works it out. */
export function returnText(stake, odds) {
  const [, whole, part = ""] = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(stake) ?? [];
  if (!whole || !odds) return "–";
  const cents = BigInt(whole) * 100n + BigInt(part.padEnd(2, "0"));
  const minor = (cents * BigInt(Math.round(odds * 1000))) / 1000n;
  return `${minor / 100n}.${String(minor % 100n).padStart(2, "0")}`;
}

/** The slip beside a match; `nameOf` says how a leg of a bet is called there. */
export class BetSlip {
  #picked = null;
  #key = null;
  #bets = new Map();
  #balance = null;
  #socket = null;

  constructor({ nameOf }) {
    this.nameOf = nameOf;
    at("slip-log-in").addEventListener("submit", (event) => this.#doing(event, () => this.#enter(event)));
    at("slip-form").addEventListener("submit", (event) => this.#doing(event, () => this.#place()));
    at("slip-stake").addEventListener("input", () => this.#changed());
    at("slip-policy").addEventListener("change", () => this.#changed());
    at("slip-clear").addEventListener("click", () => this.pick(null));
    at("slip-out").addEventListener("click", (event) => this.#doing(event, () => this.#leave()));
    at("slip-pay-in").addEventListener("click", (event) => this.#doing(event, () => this.#payIn()));
    at("moved").addEventListener("close", () => this.#answered());
    this.#show();
    if (isLoggedIn()) this.#follow();
  }

  /** Puts a selection on the slip; null takes it off. */
  pick(picked) {
    this.#picked = picked;
    this.#changed();
    if (picked) (isLoggedIn() ? at("slip-stake") : at("slip-email")).focus();
  }

  /** Tells the slip how prices stand now. */
  prices(markets) {
    if (!this.#picked) return;
    const all = markets.flatMap((market) => market.selections.map((one) => [market, one]));
    const [market, now] = all.find(([, { id }]) => id === this.#picked.id) ?? [];
    if (!now) return;
    this.#picked.open = market.status === "open" && now.status === "open";
    if (now.odds !== this.#picked.odds) {
      this.#picked.odds = now.odds;
      this.#key = null;
    }
    this.#show();
  }

  // Another wish is another request: it gets a key of its own, the same one tried again keeps its.
  #changed() {
    this.#key = null;
    this.#show();
  }

  async #doing(event, work) {
    event.preventDefault();
    const button = event.submitter ?? event.currentTarget;
    if (button.disabled) return;
    button.disabled = true;
    this.#say("");
    try {
      await work();
    } catch (error) {
      this.#complain(error);
    } finally {
      button.disabled = false;
      this.#show();
    }
  }

  async #enter(event) {
    const how = event.submitter?.value ?? "login";
    const body = { email: at("slip-email").value, password: at("slip-password").value };
    if (!(await enter(how, body))) return this.#say("A mail says how to go on.");
    at("slip-password").value = "";
    this.#follow();
    this.#show();
    if (this.#picked) at("slip-stake").focus();
  }

  async #leave() {
    this.#socket?.close();
    this.#socket = this.#balance = null;
    this.#bets.clear();
    await leave();
  }

  async #payIn() {
    const options = { method: "POST", body: { amount: "100" }, headers: { "Idempotency-Key": crypto.randomUUID() } };
    const { status } = await ask("/wallet/deposits", options);
    this.#say(status === "completed" ? "Paid in." : "It is there once the payment provider says so.");
  }

  async #place(odds = this.#picked.odds) {
    this.#key ??= crypto.randomUUID();
    const body = {
      legs: [{ selectionId: this.#picked.id, odds }],
      stake: at("slip-stake").value.trim(),
      oddsChange: at("slip-policy").value,
      ...(this.#balance ? { currency: this.#balance.currency } : {}),
    };
    const bet = await this.#asked("/bets", body);
    this.#key = null;
    this.#took(bet);
    this.#picked = null;
    this.#say(bet.status === "pending" ? "Pending: it is looked at again in a moment." : "Your bet is on.");
  }

  // No answer is not "no": the same key gets the same answer, so it is safe to ask again once.
  async #asked(path, body) {
    const options = { method: "POST", body, headers: { "Idempotency-Key": this.#key } };
    try {
      return await ask(path, options);
    } catch (error) {
      if (error instanceof Refused) throw error;
      return ask(path, options);
    }
  }

  #complain(error) {
    const current = error.problem?.current?.[0];
    if (error.code === "odds_changed" && current) return this.#moved(current.odds);
    if (error instanceof Refused) this.#key = null;
    const most = error.problem?.maxStake;
    const said = REFUSALS[error.code] ?? (error.status ? error.message : "No answer came: try again, nothing is struck twice.");
    this.#say(most ? `${said} At most ${most} would go.` : said, "bad");
  }

  #moved(odds) {
    this.#key = null;
    put(at("moved-before"), oddsText(this.#picked.odds));
    put(at("moved-now"), oddsText(odds));
    at("moved").dataset.odds = odds;
    at("moved").showModal();
  }

  async #answered() {
    const odds = Number(at("moved").dataset.odds);
    if (at("moved").returnValue !== "take") return this.#say("Nothing was struck.");
    this.#picked.odds = odds;
    try {
      await this.#place(odds);
    } catch (error) {
      this.#complain(error);
    }
    this.#show();
  }

  // Bets and balance come over a socket: first all there is, then what changes.
  #follow() {
    this.#socket = followBets((frame) => this.#heard(frame));
    ask("/wallet")
      .then(({ playMoney }) => (at("slip-play-money").hidden = !playMoney))
      .catch((error) => this.#complain(error));
  }

  #heard({ type, data }) {
    if (type === "bets") {
      this.#bets = new Map(data.bets.map((bet) => [bet.id, bet]));
      this.#balance = data.balances[0] ?? this.#balance;
    } else if (type === "bet_update") this.#took(data);
    else if (type === "balance_update") this.#balance = data;
    else return;
    this.#show();
  }

  #took(bet) {
    const known = this.#bets.get(bet.id);
    // What the socket said is newer than the answer it overtook.
    if (!known || known.status === "pending" || bet.status !== "pending") this.#bets.set(bet.id, bet);
  }

  #say(text, kind = "good") {
    at("slip-said").dataset.kind = kind;
    put(at("slip-said"), text);
  }

  #show() {
    const inside = isLoggedIn();
    const picked = this.#picked;
    at("slip-log-in").hidden = inside;
    at("slip-inside").hidden = !inside;
    at("slip-form").hidden = !inside || !picked;
    at("slip-hint").hidden = picked !== null;
    put(at("slip-balance"), this.#balance ? `${this.#balance.available} ${this.#balance.currency}` : "–");
    at("slip-pick").hidden = !picked;
    if (picked) {
      put(at("slip-name"), picked.name);
      put(at("slip-odds"), oddsText(picked.odds));
      put(at("slip-returns"), returnText(at("slip-stake").value.trim(), picked.odds));
      at("slip-place").disabled = !picked.open;
      put(at("slip-place"), picked.open ? "Place bet" : "Suspended");
    }
    this.#list();
  }

  #list() {
    const newest = [...this.#bets.values()].sort((one, other) => Number(other.id) - Number(one.id));
    const shown = newest.filter(({ status }) => status !== "refused").slice(0, BETS_SHOWN_MAX);
    at("my-bets").hidden = shown.length === 0;
    arrange(at("my-bets-list"), shown.map((bet) => this.#row(bet)));
  }

  #row(bet) {
    const told = JSON.stringify(bet);
    const old = at(`bet-${bet.id}`);
    if (old?.dataset.told === told) return old;
    const names = bet.legs.map((leg) => this.nameOf(leg) ?? `${leg.market} ${leg.selection}`.replaceAll("_", " "));
    const over = !["pending", "accepted"].includes(bet.status);
    const money = over ? `${bet.returned.amount} back` : `returns ${bet.potentialReturn.amount}`;
    const row = el("li", { class: "bet", id: `bet-${bet.id}`, "data-status": bet.status },
      el("p", { class: "bet-names" }, names.join(" + "), " ", el("b", {}, oddsText(bet.odds))),
      el("p", { class: "quiet" }, `${bet.stake.amount} ${bet.stake.currency} · ${money}`),
      el("span", { class: "bet-state" }, STATES[bet.status]));
    row.dataset.told = told;
    return row;
  }
}
