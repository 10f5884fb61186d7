// The scoreboard: lists from REST say which matches there are, one socket says how they go.

import { arrange, el, onceAFrame, put, showConnection, showNotice } from "./dom.js";
import { Follows } from "./follows.js";
import { readLive, readResults, readUpcoming } from "./lists.js";
import { isOutOfReach, ReadFailed, repeat } from "./reads.js";
import { Row, stageOf } from "./row.js";
import { NOTHING } from "./state.js";
import { isInPlay, SPORTS, timeOf } from "./words.js";

const LIVE_EVERY_MS = 6_000;
const UPCOMING_EVERY_MS = 30_000;
const RESULTS_EVERY_MS = 20_000;
// Nothing heard for so long: what is shown may be old.
const STALE_MS = 30_000;
const ANNOUNCE_EVERY_MS = 10_000;
const STAGES = ["live", "upcoming", "results"];

const lists = { live: [], upcoming: [], results: [] };
const matches = new Map(); // id -> { summary, row }
const groups = new Map(); // "stage sport" -> its card
const inView = new Set();
const refusals = new Map(); // question -> why it was refused
const follows = new Follows({ onState: told, onConnection: showState });
let sport = new URLSearchParams(location.search).get("sport") ?? "all";
let heardAt = Date.now();
let outOfReach = false;
let announcedAt = 0;

const draw = onceAFrame(() => {
  const shown = everyMatch();
  for (const [id, match] of shown) matches.get(id).row.show(match, follows.stateOf(id) ?? NOTHING);
  for (const stage of STAGES) {
    const ofStage = [...shown.values()].filter(({ status }) => stageOf(status) === stage);
    drawStage(stage, ofStage);
  }
  choose(shown);
});

// The summary of the list and what the socket told since, whichever is newer.
function current(id) {
  const { summary } = matches.get(id);
  const state = follows.stateOf(id);
  if (!state?.score) return summary;
  const { homeScore, awayScore, period, clock, status, periods, updatedAt } = state.score;
  const live = { homeScore, awayScore, period, clock, status, periods, updatedAt };
  return state.seq >= summary.seq ? { ...summary, ...live } : { ...summary, periods };
}

function everyMatch() {
  const ids = [...new Set(STAGES.flatMap((stage) => lists[stage]))];
  return new Map(ids.map((id) => [id, current(id)]));
}

function drawStage(stage, shown) {
  const section = document.getElementById(stage);
  const wanted = shown.filter((match) => sport === "all" || match.sport === sport);
  const drawn = by(({ sport: id }) => id, [...wanted].sort(inOrder)).map(([id, members]) =>
    drawGroup(`${stage} ${id}`, members),
  );
  arrange(section.querySelector(".groups"), drawn);
  put(section.querySelector(".count"), wanted.length ? String(wanted.length) : "");
  if (stage !== "live") section.hidden = wanted.length === 0;
  else showEmpty(section.querySelector(".empty"), wanted.length);
}

function showEmpty(node, count) {
  node.hidden = count > 0;
  const which = sport === "all" ? "" : ` ${SPORTS[sport]?.toLowerCase() ?? ""}`;
  if (lists.read) put(node, `No${which} match is being played right now.`);
}

// Matches by what `key` says of them, in order.
function by(key, shown) {
  const found = new Map();
  for (const match of shown) {
    const of = key(match);
    if (!found.has(of)) found.set(of, []);
    found.get(of).push(match);
  }
  return [...found];
}

const SPORT_ORDER = Object.keys(SPORTS);
function inOrder(a, b) {
  return (
    SPORT_ORDER.indexOf(a.sport) - SPORT_ORDER.indexOf(b.sport) ||
    a.league.name.localeCompare(b.league.name) ||
    byTime(a, b) ||
    a.id.localeCompare(b.id, undefined, { numeric: true })
  );
}

function byTime(a, b) {
  const way = stageOf(a.status) === "results" ? -1 : 1;
  return way * (Date.parse(a.startTime) - Date.parse(b.startTime));
}

// One card a sport; in it the leagues, named above their matches when there are several.
function drawGroup(key, members) {
  if (!groups.has(key)) groups.set(key, newGroup(members[0].sport));
  const { node, title, only, tag, leagues } = groups.get(key);
  tag.hidden = members.some((match) => !match.simulated);
  const parts = by(({ league }) => league.slug, members);
  put(only, parts.length === 1 ? members[0].league.name : "");
  const drawn = parts.flatMap(([slug, ofLeague]) => {
    if (!leagues.has(slug)) leagues.set(slug, newLeague(ofLeague[0].league));
    const league = leagues.get(slug);
    league.title.hidden = parts.length === 1;
    arrange(league.list, ofLeague.map((match) => drawnRow(match, tag.hidden)));
    return [league.title, league.list];
  });
  arrange(node, [title, ...drawn]);
  return node;
}

function drawnRow({ id, simulated }, tagged) {
  const { row } = matches.get(id);
  row.tag.hidden = !(simulated && tagged);
  return row.node;
}

function newGroup(id) {
  const only = el("span", { class: "league" });
  const tag = el("span", { class: "tag", hidden: "" }, "Simulated");
  const name = el("span", { class: "sport" }, SPORTS[id] ?? id);
  const title = el("h3", { class: "group-title" }, name, only, tag);
  return { node: el("section", { class: "group" }), title, only, tag, leagues: new Map() };
}

function newLeague({ name }) {
  return { title: el("h4", { class: "league-title" }, name), list: el("ul", { class: "rows" }) };
}

// Followed are the rows one can see, those being played first.
function choose(shown) {
  const open = (id) => shown.has(id) && stageOf(shown.get(id).status) !== "results";
  const rank = (id) => (isInPlay(shown.get(id).status) ? 0 : 1);
  const wanted = [...inView].filter(open).sort((a, b) => rank(a) - rank(b));
  follows.want(wanted.map((id) => shown.get(id)), open);
  follows.keep(new Set(shown.keys()));
  for (const [id, { row }] of matches) {
    if (shown.has(id)) continue;
    sight.unobserve(row.node);
    inView.delete(id);
    matches.delete(id);
  }
}

const sight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inView.add(target.dataset.match);
      else inView.delete(target.dataset.match);
    }
    draw();
  },
  { rootMargin: "200px 0px" },
);

function taken(stage, items) {
  for (const summary of items) {
    const known = matches.get(summary.id);
    if (known) known.summary = summary;
    else {
      const row = new Row(summary.id);
      matches.set(summary.id, { summary, row });
      sight.observe(row.node);
    }
  }
  lists[stage] = items.map(({ id }) => id);
  heard();
  draw();
}

async function refreshLive() {
  const items = await asked(readLive);
  const now = new Set(items.map(({ id }) => id));
  // Whoever left this list has ended, or nearly: look where they went before they vanish.
  if (lists.live.some((id) => !now.has(id))) await refreshResults();
  lists.read = true;
  taken("live", items);
}

async function refreshUpcoming() {
  taken("upcoming", await asked(readUpcoming));
}

async function refreshResults() {
  taken("results", await asked(readResults));
}

async function asked(question) {
  try {
    const items = await question();
    outOfReach = false;
    refusals.delete(question);
    return items;
  } catch (problem) {
    outOfReach = isOutOfReach(problem) || problem.status >= 500;
    if (problem instanceof ReadFailed) refusals.set(question, refusal(problem));
    showState();
    throw problem;
  } finally {
    showNotice([...refusals.values()].at(-1) ?? null);
  }
}

function refusal({ status, retryAfterMs }) {
  const seconds = Math.ceil(retryAfterMs / 1000);
  if (status === 429) {
    return `Too many requests from your address; the list is read again in ${seconds} s.`;
  }
  if (status === 401) return "This server shows matches only to those who are logged in.";
  return `The list cannot be read just now; trying again in ${seconds} s.`;
}

function told(id, state, frame) {
  draw();
  if (frame.type === "incident" && frame.data.type === "goal" && !frame.data.withdrawn) {
    announce(id, frame.data);
  }
}

// Goals only, and seldom: a screen reader must not be talked over.
function announce(id, goal) {
  const now = Date.now();
  const match = matches.get(id)?.summary;
  if (!match || now - announcedAt < ANNOUNCE_EVERY_MS) return;
  announcedAt = now;
  const text = `Goal. ${match.home.name} ${goal.homeScore}, ${match.away.name} ${goal.awayScore}.`;
  put(document.getElementById("announcer"), text);
}

function heard() {
  heardAt = Date.now();
  showState();
}

function showState() {
  const last = Math.max(heardAt, follows.heardAt);
  const detail = `Last heard from at ${timeOf(last)}`;
  if (Date.now() - last > STALE_MS) showConnection("stale", detail);
  else if (outOfReach) showConnection("reconnecting", detail);
  else if (follows.connection !== "idle") showConnection(follows.connection, detail);
  else showConnection(lists.read ? "live" : "connecting", detail);
}

function filter(chosen) {
  sport = SPORTS[chosen] ? chosen : "all";
  for (const chip of document.querySelectorAll("#filters .chip")) {
    chip.setAttribute("aria-pressed", String(chip.dataset.sport === sport));
  }
  history.replaceState(null, "", sport === "all" ? "/" : `/?sport=${sport}`);
  draw();
}

document.getElementById("filters").addEventListener("click", ({ target }) => {
  if (target.dataset.sport) filter(target.dataset.sport);
});
filter(sport);
repeat(refreshLive, LIVE_EVERY_MS);
repeat(refreshUpcoming, UPCOMING_EVERY_MS);
repeat(refreshResults, RESULTS_EVERY_MS);
setInterval(() => document.hidden || showState(), 5_000);
