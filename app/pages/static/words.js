// How we say things: statuses, clocks, prices, markets, incidents.

export const SPORTS = {
  football: "Football",
  basketball: "Basketball",
  tennis: "Tennis",
  hockey: "Ice hockey",
};

const IN_PLAY = new Set(["live", "paused", "interrupted"]);
const AHEAD = new Set(["scheduled", "postponed"]);

export const isInPlay = (status) => IN_PLAY.has(status);
export const isAhead = (status) => AHEAD.has(status);

const STATUS_WORDS = {
  postponed: "Postponed",
  finished: "Final",
  cancelled: "Cancelled",
  abandoned: "Abandoned",
  awarded: "Awarded",
  interrupted: "Interrupted",
};

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });

/** Returns a time of day in the reader's own zone. */
export const timeOf = (text) => TIME.format(new Date(text));
/** Returns the day of a time, empty when it is today. */
export function dayOf(text) {
  const day = new Date(text);
  return day.toDateString() === new Date().toDateString() ? "" : DAY.format(day);
}

/** Returns what stands beside a match: the thing that moves, and what it belongs to. */
export function momentOf({ sport, status, period, clock, startTime }) {
  if (status === "scheduled") return { main: timeOf(startTime), more: dayOf(startTime) };
  if (status === "finished") {
    return { main: sport === "football" ? "FT" : "Final", more: endOf(period) };
  }
  if (STATUS_WORDS[status]) return { main: STATUS_WORDS[status], more: period ?? "" };
  if (status === "paused") return pausedAt(period ?? "");
  return clock ? { main: clock, more: period ?? "" } : { main: period ?? "Live", more: "" };
}

// Half-time needs no other word for it; of other breaks it is said in what.
function pausedAt(period) {
  if (/half-time/i.test(period)) return { main: period, more: "" };
  return { main: "Break", more: period.replace(/ ?break$/i, "") };
}

// How a match was decided, when that is not said by its score.
function endOf(period) {
  return /overtime|extra|shoot|penalt/i.test(period ?? "") ? period : "";
}

/**
 * Returns decimal odds as people read them: two decimals, one from ten on, none from a hundred, and
 * three where two would say that nothing can be won.
 */
export function oddsText(odds) {
  if (odds === null || odds === undefined) return "–";
  if (odds >= 100) return odds.toFixed(0);
  if (odds >= 10) return odds.toFixed(1);
  return odds < 1.01 ? odds.toFixed(3) : odds.toFixed(2);
}

/** Returns a probability in per cent. */
export function chanceText(probability) {
  if (probability === null || probability === undefined) return "–";
  const percent = probability * 100;
  return `${percent < 1 || percent > 99 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

const PERIODS = { football: "half", basketball: "quarter", hockey: "period", tennis: "set" };
const NTH = ["", "1st", "2nd", "3rd", "4th", "5th"];

const MARKETS = {
  winner: () => "Winner",
  winner_3way: () => "Winner, regular time",
  double_chance: () => "Double chance",
  draw_no_bet: () => "Draw no bet",
  total: ({ line }, sport) => (sport === "tennis" ? `Total games ${line}` : `Total ${line}`),
  handicap: ({ line }, sport) => `${sport === "tennis" ? "Game handicap" : "Handicap"} ${signed(line)}`,
  set_handicap: ({ line }) => `Set handicap ${signed(line)}`,
  both_to_score: () => "Both to score",
  handicap_3way: ({ line }) => `Three-way handicap ${signed(line)}`,
  home_total: ({ line }) => `Home total ${line}`,
  away_total: ({ line }) => `Away total ${line}`,
  period_winner: ({ line }, sport) => `${NTH[line] ?? line} ${PERIODS[sport] ?? "period"} winner`,
  correct_score: () => "Correct score",
};
const MARKET_ORDER = Object.keys(MARKETS);

const signed = (line) => (line > 0 ? `+${line}` : String(line ?? ""));

/** Returns a market's name; of a sport, where that has a word of its own. */
export function marketName(market, sport) {
  return MARKETS[market.type]?.(market, sport) ?? market.type ?? "Market";
}

/** Sorts markets as people read them: the winner first, lines from low to high. */
export function inMarketOrder(a, b) {
  const rank = ({ type }) => (MARKET_ORDER.indexOf(type) + MARKET_ORDER.length + 1) % (MARKET_ORDER.length + 1);
  return rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0) || a.id - b.id;
}

const REASONS = { match_over: "match over", possible_goal: "possible goal" };

/** Returns why a market takes no bets, empty when it does. */
export function marketState({ status, reason }) {
  if (status === "open") return "";
  const why = reason ? ` · ${REASONS[reason] ?? reason.replaceAll("_", " ")}` : "";
  return status[0].toUpperCase() + status.slice(1) + why;
}

const HOW = {
  penalty: "penalty",
  own_goal: "own goal",
  power_play: "power play",
  short_handed: "short-handed",
  empty_net: "empty net",
};
const pointsWord = (n) => (n === 1 ? "1 point" : `${n} points`);
const list = (...parts) => parts.filter(Boolean).join(" · ");

const TOLD = {
  goal: (i) => ({
    mark: "goal",
    title: i.player ?? "Goal",
    more: list(HOW[i.how], i.assist && `assist ${i.assist}`),
    score: `${i.homeScore}–${i.awayScore}`,
  }),
  points: (i) => ({
    mark: "points",
    title: i.player ?? pointsWord(i.points),
    more: i.player ? pointsWord(i.points) : "",
    score: `${i.homeScore}–${i.awayScore}`,
  }),
  card: (i) => ({
    mark: `card ${i.colour}`,
    title: i.player ?? "Card",
    more: { yellow: "yellow card", second_yellow: "second yellow", red: "red card" }[i.colour],
  }),
  penalty: (i) => ({
    mark: "box",
    title: i.player ?? "Penalty",
    more: list(`${i.minutes} min`, i.offence),
  }),
  substitution: (i) => ({
    mark: "change",
    title: i.playerOn ?? "Substitution",
    more: i.playerOff ? `for ${i.playerOff}` : "",
  }),
  shootout_attempt: (i) => ({
    mark: i.scored ? "goal" : "miss",
    title: i.player ?? (i.scored ? "Scored" : "Missed"),
    more: `shoot-out, ${i.scored ? "scored" : "missed"}`,
    score: `${i.homeScore}–${i.awayScore}`,
  }),
  set_won: (i) => ({
    mark: "set",
    title: list(i.period ?? "Set", "won"),
    more: i.tieBreakLoserPoints === undefined ? "" : `tie-break to ${i.tieBreakLoserPoints}`,
    score: `${i.homeGames}–${i.awayGames}`,
  }),
  retired: (i) => ({
    mark: "end",
    title: { retired: "Retired", walkover: "Walkover", default: "Defaulted" }[i.how],
    more: "",
  }),
  period_started: (i) => ({ mark: "period", title: `${i.period ?? "Period"} begins`, more: "" }),
  period_ended: (i) => ({
    mark: "period",
    title: `${i.period ?? "Period"} ends`,
    more: "",
    score: i.homeScore === undefined ? "" : `${i.homeScore}–${i.awayScore}`,
  }),
};

/** Returns an incident in words: `mark` names its sign, `title`, `more`, `score` after it. */
export function incidentWords(incident) {
  const tell = TOLD[incident.type] ?? ((i) => ({ mark: "other", title: i.type, more: "" }));
  return { score: "", ...tell(incident) };
}

/** Returns an object of /api/v1 with its keys as the rest of the wire writes them. */
export function camel(thing) {
  if (Array.isArray(thing)) return thing.map(camel);
  if (thing === null || typeof thing !== "object") return thing;
  return Object.fromEntries(
    Object.entries(thing).map(([key, value]) => [
      key.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase()),
      camel(value),
    ]),
  );
}
