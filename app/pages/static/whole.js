// All of a match by request, as the socket's snapshot says it: for where no socket gets through.

import { read } from "./reads.js";
import { camel } from "./words.js";

/** Returns a match as a `snapshot` frame; four reads, so not to be asked for often. */
export async function readWhole({ id, sport }) {
  const [score, { items: markets }, told, forecast] = await Promise.all([
    read(`/api/scores/${encodeURIComponent(id)}`),
    read(`/api/markets/${encodeURIComponent(sport)}`, { matchId: id, limit: 200 }),
    read(`/api/v1/matches/${encodeURIComponent(id)}`),
    read(`/api/v1/predictions/${encodeURIComponent(id)}`),
  ]);
  const { seq, resume } = score;
  const prediction = predictionOf(camel(forecast));
  const data = { score, markets, incidents: camel(told.incidents), prediction };
  return { type: "snapshot", matchId: id, seq, resume, data };
}

function predictionOf({ status, prediction, model, minute, generatedAt }) {
  return status === "success" ? { ...prediction, model, minute, generatedAt } : null;
}
