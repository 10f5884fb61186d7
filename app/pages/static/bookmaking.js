// Bets and money, for operators: what hangs where, what is owed, what is to be decided.

import { arrange, el, put, showNotice } from "./dom.js";
import { ask, enter, isLoggedIn, leave } from "./log_in.js";
import { oddsText } from "./words.js";

const at = (id) => document.getElementById(id);
const LOOK_AGAIN_MS = 5_000;
const OPEN = new Set(["accepted", "won", "lost", "void", "half_won", "half_lost"]);

const moneyText = ({ amount, currency }) => `${amount} ${currency}`;
const row = (head, ...cells) =>
  el("tr", {}, el("th", { scope: "row" }, head), ...cells.map((cell) => el("td", {}, cell)));

function complain(error) {
  const inside = isLoggedIn() && error.status !== 401 && error.status !== 403;
  at("inside").hidden = !inside;
  at("entry").hidden = inside;
  showNotice(error.status ? error.message : "The server is out of reach.");
}

/** Does something a button or form asks for, once at a time, and looks again. */
function doing(work) {
  return async (event) => {
    event.preventDefault();
    const button = event.submitter ?? event.currentTarget;
    button.disabled = true;
    showNotice(null);
    try {
      await work(event);
      await look();
    } catch (error) {
      complain(error);
    } finally {
      button.disabled = false;
    }
  };
}

async function look() {
  const [proof, owed, markets, matches, users, asked] = await Promise.all([
    ask("/api/ledger"),
    ask("/api/liabilities"),
    ask("/api/exposure?limit=20"),
    ask("/api/exposure/matches?limit=10"),
    ask("/api/exposure/users?limit=10"),
    ask("/api/payments?status=pending&direction=withdrawal&limit=50"),
  ]);
  showLedger(proof);
  at("liabilities").replaceChildren(...owed.items.map(liability));
  at("exposure").replaceChildren(...markets.items.map(exposure));
  at("exposure-matches").replaceChildren(...matches.items.map(exposureOfMatch));
  at("exposure-users").replaceChildren(...users.items.map(exposureOfUser));
  at("no-exposure").hidden = markets.items.length > 0;
  arrange(at("withdrawals"), asked.items.map(withdrawal));
  at("no-withdrawals").hidden = asked.items.length > 0;
  await search();
  at("entry").hidden = true;
  at("inside").hidden = false;
}

function showLedger({ faults }) {
  at("ledger").dataset.state = faults.length ? "faulty" : "right";
  put(at("ledger"), faults.length ? `${faults.length} faults` : "It adds up.");
  at("faults").replaceChildren(...faults.map(({ what }) => el("li", {}, what)));
}

function liability(one) {
  const counts = [one.openBets, one.pendingBets].map(String);
  const amounts = [one.staked, one.potentialReturn, one.usersAvailable, one.usersOwed, one.house];
  return row(one.currency, ...counts, ...amounts);
}

const matchLink = ({ matchId, event }) => el("a", { href: `/matches/${encodeURIComponent(matchId)}` }, event);
const exposureOfMatch = (one) => row(matchLink(one), String(one.markets), moneyText(one.staked), moneyText(one.worst));
const exposureOfUser = ({ userId, bets, staked, worst }) => row(userId, String(bets), moneyText(staked), moneyText(worst));

function exposure({ matchId, event, market, line, staked, worst }) {
  const link = matchLink({ matchId, event });
  const name = `${market}${line === null ? "" : ` ${line}`}`.replaceAll("_", " ");
  return row(link, name, moneyText(staked), moneyText(worst));
}

function withdrawal({ id, userId, amount, currency }) {
  const known = at(`payment-${id}`);
  if (known) return known;
  const button = (how, name) => {
    const made = el("button", { type: "button", class: "button", "aria-label": `${name} payment ${id}` }, name);
    made.addEventListener("click", doing(() => ask(`/api/payments/${id}/${how}`, { method: "POST", body: {} })));
    return made;
  };
  return el("li", { id: `payment-${id}` },
    el("span", {}, el("b", {}, moneyText(typeof amount === "object" ? amount : { amount, currency })), userId ? ` to user ${userId}` : ""),
    el("span", { class: "actions" }, button("approve", "Approve"), button("reject", "Reject")));
}

async function search() {
  const wanted = [...new FormData(at("search"))].filter(([, value]) => value.trim());
  const { items } = await ask(`/api/bets?${new URLSearchParams([...wanted, ["limit", "20"]])}`);
  arrange(at("bets"), items.map(bet));
}

function bet(one) {
  const told = JSON.stringify(one);
  const known = at(`bet-${one.id}`);
  if (known?.dataset.told === told) return known;
  const legs = one.legs.map(({ market, line, selection }) => [market, line, selection].filter((part) => part !== null).join(" "));
  const cells = [one.userId, legs.join(" + ").replaceAll("_", " "), moneyText(one.stake), oddsText(one.odds)];
  const made = row(one.id, ...cells, one.status.replaceAll("_", " "), one.returned.amount, OPEN.has(one.status) ? voidButton(one.id) : "");
  made.id = `bet-${one.id}`;
  made.dataset.told = told;
  return made;
}

function voidButton(id) {
  const made = el("button", { type: "button", class: "button", "aria-label": `Void bet ${id}` }, "Void");
  made.addEventListener("click", doing(async () => {
    const note = prompt(`Why is bet ${id} void? This is kept with it.`)?.trim();
    if (note) await ask(`/api/bets/${id}/void`, { method: "POST", body: { note } });
  }));
  return made;
}

at("log-in").addEventListener("submit", doing(() => enter("login", { email: at("email").value, password: at("password").value })));
at("search").addEventListener("submit", doing(search));
at("log-out").addEventListener("click", doing(leave));
const again = () => isLoggedIn() && !document.hidden && look().catch(complain);
if (isLoggedIn()) look().catch(complain);
else at("entry").hidden = false;
setInterval(again, LOOK_AGAIN_MS);
