// The lists the board is made of: what is being played, what comes up, how it ended.

import { read } from "./reads.js";

const PAGE = 200;
export const UPCOMING_MAX = 12;
export const RESULTS_MAX = 16;

// A match that starts late is still to come.
const MINUTE = 60_000;
const LATE_MS = 15 * MINUTE;

/** Returns the matches that are being played. */
export async function readLive() {
  return (await read("/api/events", { status: "live,paused,interrupted", limit: PAGE })).items;
}

/** Returns the matches that start next. */
export async function readUpcoming() {
  // To the minute, so that everybody asks the same and is answered from the cache.
  const from = new Date(Math.floor((Date.now() - LATE_MS) / MINUTE) * MINUTE).toISOString();
  const { items } = await read("/api/events", { status: "scheduled", from, limit: UPCOMING_MAX });
  return items;
}

/** Returns the matches that ended last. */
export async function readResults() {
  const { items } = await read("/api/events", {
    status: "finished,awarded,abandoned",
    order: "desc",
    limit: RESULTS_MAX,
  });
  return items;
}
