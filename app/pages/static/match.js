// One match: who it is from REST, how it goes from its socket.

import { ChanceBar, chancesOf } from "./chances.js";
import { BetSlip } from "./bet_slip.js";
import { PriceChart } from "./chart.js";
import { el, flash, onceAFrame, put, showConnection, showNotice } from "./dom.js";
import { Follows } from "./follows.js";
import { MarketTables } from "./markets.js";
import { isOutOfReach, read, ReadFailed, repeat } from "./reads.js";
import { NOTHING, winnerOf } from "./state.js";
import { Timeline } from "./timeline.js";
import { readWhole } from "./whole.js";
import { WinChart } from "./win_chart.js";
import { camel, dayOf, isAhead, marketName, momentOf, SPORTS, timeOf } from "./words.js";

const STALE_MS = 45_000;
const RETRY_MS = 3_000;
// Without a socket for so long, the match is asked for instead, as often.
const BY_REQUEST_MS = 15_000;
const SIDES = ["home", "away"];

const matchId = decodeURIComponent(location.pathname.split("/").pop());
const headline = document.getElementById("headline");
const slip = new BetSlip({ nameOf: (leg) => nameOf(leg) });
const tables = new MarketTables((picked) => slip.pick(picked));
const chart = new PriceChart({
  node: document.getElementById("chart"),
  keys: document.getElementById("keys"),
});
const bar = new ChanceBar({ told: true });
let winChart = null;
let match = null;
let timeline = null;
let state = NOTHING;
let follows = null;
let askedForPath = false;
let readAt = 0;
const shownGoals = { home: null, away: null };

const draw = onceAFrame(() => {
  if (!match || !state.score) return;
  const now = { ...match, ...state.score };
  drawHeadline(now);
  drawPeriods(now);
  timeline.show(state.incidents);
  tables.show(state.markets, match.sport);
  slip.prices(state.markets);
  drawPrices();
  drawChances(now);
});

// How a leg of a bet is called here; nothing for one on another match.
function nameOf({ matchId: of, marketId, selectionId }) {
  if (of !== matchId || !match) return null;
  const market = state.markets.find(({ id }) => id === marketId);
  const selection = market?.selections.find(({ id }) => id === selectionId);
  return selection ? `${selection.name} · ${marketName(market, match.sport)}` : null;
}

function drawHeadline(now) {
  const { main, more } = momentOf(now);
  put(headline.querySelector(".state"), [main, more].filter(Boolean).join(" · "));
  headline.dataset.status = now.status;
  for (const side of SIDES) {
    const goals = headline.querySelector(`.goals[data-of="${side}"]`);
    const score = now[`${side}Score`];
    put(goals, isAhead(now.status) ? "–" : String(score ?? "–"));
    if (shownGoals[side] !== null && shownGoals[side] !== score) flash(goals, "score");
    shownGoals[side] = score;
  }
  drawCorrection(headline.querySelector(".correction"));
  const score = `${now.homeScore ?? ""}–${now.awayScore ?? ""}`;
  document.title = `${match.home.name} ${score} ${match.away.name} · Touchline`;
}

function drawCorrection(node) {
  node.hidden = !state.correction;
  if (!state.correction) return;
  const { previous, reason } = state.correction;
  const why = reason ? ` (${reason.replaceAll("_", " ")})` : "";
  put(node, `Corrected from ${previous.homeScore}–${previous.awayScore}${why}.`);
}

function drawPeriods({ periods = [], homeScore, awayScore }) {
  const table = headline.querySelector(".periods");
  const told = JSON.stringify([periods, homeScore, awayScore]);
  if (table.dataset.told === told) return;
  table.dataset.told = told;
  table.hidden = periods.length === 0;
  const heads = [...periods.map(({ name }) => name), match.sport === "tennis" ? "Sets" : "Total"];
  const head = el("tr", {}, el("td"), ...heads.map((name) => el("th", { scope: "col" }, name)));
  const rows = SIDES.map((side) => {
    const cells = [...periods.map((period) => period[side]), side === "home" ? homeScore : awayScore];
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, match[side].name),
      ...cells.map((points) => el("td", {}, String(points ?? "–"))),
    );
  });
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...rows);
}

function drawPrices() {
  const market = winnerOf(state);
  if (!market || market.selections.length === 0) return;
  chart.add(market);
  if (!askedForPath) readPath(market);
  put(document.getElementById("chart-note"), chartNote(market));
}

function drawChances(now) {
  const { prediction } = state;
  bar.show(chancesOf(prediction), { home: match.home.name, away: match.away.name });
  if (prediction) winChart.add(prediction, now);
}

function chanceKeys() {
  const names = { home: match.home.name, draw: "Draw", away: match.away.name };
  const sides = Object.keys(names).filter((key) => key !== "draw" || match.sport === "football");
  const keys = sides.map((key) =>
    el("li", { class: "key", "data-key": key }, el("span", { class: "swatch" }), names[key]),
  );
  return el("ul", { class: "keys" }, ...keys);
}

// What was told before the page was opened; without it the chart begins now.
async function readChances() {
  try {
    const path = `/api/v1/predictions/${encodeURIComponent(matchId)}`;
    const { points } = await read(`${path}/history`);
    winChart.begin(points);
    // Asking makes the first one, of a match that nobody asked for before.
    if (points.length === 0) await read(path);
  } catch (problem) {
    if (!(problem instanceof ReadFailed) && !isOutOfReach(problem)) throw problem;
  }
}

function chartNote({ status, reason }) {
  if (status === "open") return "Odds over time, spaced by the chance they stand for.";
  return `The market is ${status}${reason ? `: ${reason.replaceAll("_", " ")}` : ""}.`;
}

// Before the sockets' prices come those that were; without them the chart begins now.
async function readPath(market) {
  askedForPath = true;
  try {
    const { items } = await read(`/api/odds/${encodeURIComponent(matchId)}/history`, {
      marketId: market.id,
    });
    chart.begin(market, items.map(pointOf));
  } catch (problem) {
    if (!(problem instanceof ReadFailed) && !isOutOfReach(problem)) throw problem;
  }
}

function pointOf({ selectionId, at, odds, status }) {
  return { id: selectionId, at: Date.parse(at) / 1000, odds: status === "open" ? odds : null };
}

async function begin() {
  try {
    const told = camel(await read(`/api/v1/matches/${encodeURIComponent(matchId)}`));
    const [home, away] = SIDES.map((of) => told.participants.find(({ side }) => side === of));
    match = { ...told, id: told.matchId, home, away };
  } catch (problem) {
    if (!(problem instanceof ReadFailed) && !isOutOfReach(problem)) throw problem;
    refused(problem);
    return;
  }
  showNotice(null);
  name();
  follows = new Follows({
    onState: (_, next) => told(next),
    onConnection: connected,
    onRefused: (_, { message }) => showNotice(`${message} What is shown stands still.`),
  });
  follows.want([match]);
  repeat(askInstead, BY_REQUEST_MS);
}

// Whatever keeps sockets out (a proxy, a firewall), a page that can be read can be kept fresh.
async function askInstead() {
  if (follows.connection === "live" || Date.now() - follows.heardAt < BY_REQUEST_MS) return;
  const frame = await readWhole(match);
  readAt = Date.now();
  if (follows.connection !== "live" && frame.seq >= state.seq) follows.take(frame);
}

function refused(problem) {
  if (problem.status === 404 || problem.status === 400) {
    showConnection("closed");
    showNotice("There is no such match.");
    document.title = "No such match · Touchline";
    return;
  }
  showConnection("reconnecting");
  showNotice("The match cannot be read just now; trying again.");
  setTimeout(begin, Math.max(RETRY_MS, problem.retryAfterMs ?? 0));
}

function name() {
  const { sport, league, startTime, simulated } = match;
  const when = [dayOf(startTime), timeOf(startTime)].filter(Boolean).join(" ");
  put(headline.querySelector(".league"), `${SPORTS[sport] ?? sport} · ${league.name} · ${when}`);
  for (const side of SIDES) put(headline.querySelector(`.side.${side}`), match[side].name);
  for (const tag of document.querySelectorAll(".tag.simulated")) tag.hidden = !simulated;
  timeline = new Timeline({ home: match.home.name, away: match.away.name });
  document.getElementById("chances").replaceChildren(bar.node, chanceKeys());
  winChart = new WinChart({
    node: document.getElementById("win-chart"),
    note: document.getElementById("win-note"),
    sport,
    league: league.name,
  });
  readChances();
  headline.hidden = false;
  document.getElementById("columns").hidden = false;
}

function told(next) {
  state = next.incidents.length || !match.incidents ? next : { ...next, incidents: match.incidents };
  draw();
}

function connected(word, code) {
  if (word === "closed" && code !== 1000) {
    showNotice("The live connection was refused; what is shown stands still.");
  }
  showState();
}

function showState() {
  if (!follows) return;
  const { connection } = follows;
  const heardAt = Math.max(readAt, follows.heardAt);
  const detail = `Last heard from at ${timeOf(heardAt)}`;
  const silent = connection === "reconnecting" && Date.now() - heardAt > STALE_MS;
  const stale = (state.feed && state.feed.status !== "ok") || state.log === "behind";
  showConnection(silent || (stale && connection === "live") ? "stale" : connection, detail);
}

begin();
setInterval(() => document.hidden || showState(), 5_000);
