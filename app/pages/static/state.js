// What a frame of /live/{matchId} does to what is known of a match. Pure: nothing here touches the
// page or the network, and no state handed in is ever changed.

/** What is known before the first frame. `gap` says that frames are missing;
 * `log` is `behind` while the server cannot read what is new. */
export const NOTHING = Object.freeze({
  score: null,
  markets: [],
  incidents: [],
  correction: null,
  feed: null,
  prediction: null,
  log: "current",
  seq: 0,
  resume: null,
  gap: false,
});

const APPLIED = {
  score_update: (state, data) => ({ ...state, score: { ...state.score, ...data } }),
  score_correction: (state, { previous, reason, ...data }) => ({
    ...state,
    score: { ...state.score, ...data },
    correction: { previous, reason },
  }),
  odds_update: priced,
  market_status: marked,
  incident: (state, data) => ({ ...state, incidents: withIncident(state.incidents, data) }),
  feed_status: (state, feed) => ({ ...state, feed }),
  prediction_update: (state, prediction) => ({ ...state, prediction }),
};

/**
 * Returns the state after a frame. A frame that was seen before changes nothing; one that comes
 * too early changes nothing but `gap`, and only a snapshot makes that good.
 */
export function apply(state, frame) {
  if (frame.type === "snapshot") return fromSnapshot(state, frame);
  // Names the place we are at: there is no entry of the log behind it.
  const isEntry = frame.type !== "heartbeat" && !frame.data?.state;
  if (!isEntry) {
    const { state: log = state.log } = frame.data ?? {};
    const known = log === state.log ? state : { ...state, log };
    return frame.seq > state.seq ? { ...known, gap: true } : known;
  }
  if (typeof frame.seq !== "number" || state.gap) return state;
  // Of a conflated burst all but the last name the place before it.
  if (frame.seq < state.seq || (frame.seq === state.seq && !frame.conflated)) return state;
  if (frame.seq > state.seq + 1 && !frame.conflated) return { ...state, gap: true };
  const step = APPLIED[frame.type];
  const next = step ? step(state, frame.data) : state;
  return { ...next, seq: frame.seq, resume: frame.resume ?? state.resume };
}

function fromSnapshot(state, { data, seq, resume }) {
  return {
    ...NOTHING,
    feed: data.score?.feed ?? null,
    score: data.score ?? null,
    prediction: data.prediction ?? null,
    markets: data.markets ?? [],
    incidents: data.incidents ? sorted(data.incidents) : state.incidents,
    seq,
    resume: resume ?? null,
  };
}

function priced(state, data) {
  const { marketId, selections = [], ...told } = data;
  const market = state.markets.find(({ id }) => id === marketId);
  const merged = selections.reduce(
    (known, selection) => withSelection(known, { updatedAt: data.updatedAt, ...selection }),
    market?.selections ?? [],
  );
  return withMarket(state, marketId, { ...told, selections: merged });
}

function marked(state, { marketId, ...told }) {
  return withMarket(state, marketId, told);
}

function withMarket(state, id, told) {
  const known = state.markets.some((market) => market.id === id);
  const markets = known
    ? state.markets.map((market) => (market.id === id ? { ...market, ...told } : market))
    : [...state.markets, { id, type: null, line: null, selections: [], ...told }];
  return { ...state, markets };
}

function withSelection(selections, told) {
  return selections.some(({ id }) => id === told.id)
    ? selections.map((one) => (one.id === told.id ? { ...one, ...told } : one))
    : [...selections, told];
}

function withIncident(incidents, told) {
  return sorted([...incidents.filter(({ id }) => id !== told.id), told]);
}

function sorted(incidents) {
  return [...incidents].sort((a, b) => (a.ordinal ?? 0) - (b.ordinal ?? 0) || a.id - b.id);
}

const ANSWERS = [
  "home", "draw", "away", "over", "under", "yes", "no", "home_draw", "home_away", "draw_away",
];

/** Returns the winner market, undefined while there is none. */
export function winnerOf(state) {
  return state.markets.find(({ type }) => type === "winner");
}

/** Returns a market's selections in the order people read them. */
export function ordered(market) {
  const place = ({ key }) => (ANSWERS.indexOf(key) + ANSWERS.length + 1) % (ANSWERS.length + 1);
  // Scores have no place: the lowest first.
  const byScore = (a, b) => String(a.key).localeCompare(String(b.key), "en", { numeric: true });
  return [...market.selections].sort((a, b) => place(a) - place(b) || byScore(a, b));
}

/** Says whether a selection can be had at its price now. */
export function isOpen(market, selection) {
  return market.status === "open" && selection.status === "open" && selection.odds !== null;
}
