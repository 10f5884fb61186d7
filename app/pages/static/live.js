// Follows one match over /live/{matchId}: connects, resumes where it was, and says how it stands.

import { NOTHING, apply } from "./state.js";

export { apply, NOTHING } from "./state.js";

export const HEARTBEAT_MS = 15_000;
// Two heartbeats may be lost and the third be late before we call the connection dead.
const SILENCE = 2.5;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;
// Too many connections: others must go first, so ask seldom.
const RETRY_CROWDED_MS = 60_000;

// Close codes after which coming back would only be told the same again.
const FINAL = new Set([1000, 4400, 4401, 4403, 4404]);
const CROWDED = 4429;

/** Returns how long to wait before the nth attempt: exponential, with full jitter, bounded. */
export function delayMs(attempt, random = Math.random()) {
  const most = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** attempt);
  return Math.round(most / 4 + (random * most * 3) / 4);
}

/** Returns the address of a match's socket; with `since` it goes on from that place. */
export function addressOf(matchId, { since = null, heartbeatMs = HEARTBEAT_MS } = {}) {
  const address = new URL(`/live/${encodeURIComponent(matchId)}`, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.searchParams.set("heartbeatMs", String(heartbeatMs));
  if (since) address.searchParams.set("since", since);
  return address.href;
}

/**
 * Follows a match until stopped. `onState(state, frame)` after every frame that changed something;
 * `onConnection(word, code)` with "connecting", "live", "reconnecting" or "closed"; `heardAt` is
 * when the last frame came, heartbeats too.
 */
export class Follower {
  #socket = null;
  #attempt = 0;
  #retry = 0;
  #watch = 0;
  #stopped = false;

  constructor(matchId, { onState = () => {}, onConnection = () => {}, heartbeatMs } = {}) {
    this.matchId = matchId;
    this.state = NOTHING;
    this.connection = "connecting";
    this.heardAt = Date.now();
    this.onState = onState;
    this.onConnection = onConnection;
    this.heartbeatMs = heartbeatMs ?? HEARTBEAT_MS;
    this.comeBack = this.comeBack.bind(this);
    addEventListener("online", this.comeBack);
    this.#connect();
  }

  /** Ends it; nothing is called any more. */
  stop() {
    this.#stopped = true;
    removeEventListener("online", this.comeBack);
    this.#drop(1000);
  }

  /** Reconnects at once when it was waiting to. */
  comeBack() {
    if (this.#stopped || this.#socket || this.connection === "closed") return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  #connect() {
    const since = this.state.resume;
    const socket = new WebSocket(addressOf(this.matchId, { since, heartbeatMs: this.heartbeatMs }));
    this.#socket = socket;
    socket.onmessage = ({ data }) => socket === this.#socket && this.#take(data);
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
    this.#listen();
  }

  #take(text) {
    const frame = JSON.parse(text);
    // Why the socket is about to be closed; the code that follows says what to do.
    if (frame.type === "error") return;
    this.#attempt = 0;
    this.heardAt = Date.now();
    this.#listen();
    this.#say("live");
    const next = apply(this.state, frame);
    if (next.gap) {
      // Something is missing between two frames: start afresh instead of showing half the truth.
      this.state = { ...this.state, resume: null };
      this.#lost(0);
      return;
    }
    if (next === this.state) return;
    this.state = next;
    this.onState(next, frame);
  }

  #listen() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#lost(0), this.heartbeatMs * SILENCE);
  }

  #lost(code) {
    this.#drop(1000);
    if (this.#stopped) return;
    if (FINAL.has(code)) {
      removeEventListener("online", this.comeBack);
      this.#say("closed", code);
      return;
    }
    this.#say("reconnecting", code);
    const wait = code === CROWDED ? RETRY_CROWDED_MS : delayMs(this.#attempt);
    this.#attempt += 1;
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #drop(code) {
    clearTimeout(this.#watch);
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    // Closed while it connects, a browser calls it a failure; so it is let in first.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close(code);
    else socket.close(code);
  }

  #say(word, code) {
    if (this.connection === word) return;
    this.connection = word;
    this.onConnection(word, code);
  }
}
