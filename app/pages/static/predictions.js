// How good predictions were: figures, a reliability diagram and a curve for each sport.

import { curve, reliability } from "./accuracy_charts.js";
import { el, put, showNotice } from "./dom.js";
import { isOutOfReach, read, ReadFailed, repeat } from "./reads.js";
import { SPORTS } from "./words.js";

const AGAIN_MS = 60_000;
const TELLERS = { served: "Served", model: "Model alone", market: "Market" };

const none = document.getElementById("none");

async function show() {
  try {
    const { told, simulated } = await readAccuracy();
    showNotice(null);
    document.getElementById("simulated").hidden = !simulated;
    none.hidden = told.matches > 0;
    put(none, "No match is over yet whose chances were served before it began.");
    const days = [told.since, told.until].map((at) => new Date(at).toLocaleDateString());
    put(
      document.getElementById("about"),
      `${told.matches} matches from ${days[0]} to ${days[1]}, each judged by the chances that were served before it began.`,
    );
    document.getElementById("sports").replaceChildren(...told.sports.map(drawn));
  } catch (problem) {
    if (!(problem instanceof ReadFailed) && !isOutOfReach(problem)) throw problem;
    showNotice("The figures cannot be read just now; trying again.");
    throw problem;
  }
}

// Where no real match was played, those of the demonstration are shown, and said to be.
async function readAccuracy() {
  const real = await read("/api/predictions/accuracy");
  if (real.matches > 0) return { told: real, simulated: false };
  const told = await read("/api/predictions/accuracy", { simulated: true });
  return { told, simulated: told.matches > 0 };
}

function drawn(sport) {
  return el(
    "section",
    { class: "card", "data-sport": sport.sport },
    el("h2", { class: "card-title" }, `${SPORTS[sport.sport] ?? sport.sport} · ${sport.matches} matches`),
    sport.matches ? figures(sport) : "",
    table(
      ["Before kick-off", "Matches", "Log-loss", "Brier", "RPS"],
      sport.verdicts.filter(({ moment, sample }) => moment === 0 && isWorthIt(sport, sample)).map(row),
    ),
    inPlay(sport),
    table(
      ["Version", "Matches", "Log-loss", "Brier", "RPS", "ECE"],
      sport.versions.map((one) => [one.version, ...scores(one), worst(one.ece)]),
    ),
  );
}

function figures({ reliability: bins, curve: weeks }) {
  return el(
    "div",
    { class: "figures" },
    figure("Reliability: how often what was given a chance came true", reliability(bins)),
    figure("Log-loss week by week, and its mean so far", curve(weeks)),
  );
}

function figure(title, drawing) {
  return el("figure", { class: "figure" }, drawing, el("figcaption", { class: "quiet" }, title));
}

// What the market can be held against is the matches it had prices of.
function isWorthIt({ verdicts }, sample) {
  const has = verdicts.some(({ teller }) => teller === "market");
  return has ? sample === "with_market" : sample === "all";
}

const row = (verdict) => [TELLERS[verdict.teller] ?? verdict.teller, ...scores(verdict)];
const scores = ({ matches, logLoss, brier, rps }) => [
  String(matches),
  ...[logLoss, brier, rps].map((value) => value.toFixed(4)),
];
const worst = (ece) => Math.max(...Object.values(ece)).toFixed(3);

function inPlay({ verdicts }) {
  const told = verdicts.filter(({ moment }) => moment > 0);
  return table(
    ["In play", "Matches", "Log-loss", "Brier", "RPS"],
    told.map((one) => [one.minute ? `Minute ${one.minute}` : `${one.moment} of 6 parts`, ...scores(one)]),
  );
}

function table(heads, rows) {
  if (!rows.length) return "";
  const head = el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)));
  const body = rows.map(([first, ...rest]) =>
    el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((text) => el("td", {}, text))),
  );
  const made = el("table", {}, el("thead", {}, head), el("tbody", {}, ...body));
  return el("div", { class: "scroll" }, made);
}

repeat(show, AGAIN_MS);
