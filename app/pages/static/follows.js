// Which matches are followed: those somebody can see, bounded, all over one socket.

import { NOTHING, apply } from "./state.js";
import { follow } from "./touchline_client.mjs";

// What a stranger may subscribe to on one socket; a board shows about as many rows at once.
export const SUBSCRIPTIONS_MAX = 20;
// Rows fly by when somebody scrolls; only those that are there for a moment are asked for.
const SETTLES_MS = 1_000;
// When the server says that is too many, we do with fewer and ask for more after a while.
const CROWDED_MS = 60_000;
const TOO_MANY = "too_many_subscriptions";

/** Returns the channel of a match, from its summary. */
export function channelOf({ id, sport, league }) {
  return `sports.${sport}.leagues.${league.slug}.matches.${id}`;
}

/** Returns the address of the socket. */
export function addressOf() {
  const address = new URL("/ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

/**
 * Keeps what is followed in step with what is wanted. `onState(id, state, frame)` after every frame
 * that changed something; `onConnection(word, code)` with "connecting", "live", "reconnecting" or
 * "closed"; `onRefused(id, error)` when a match cannot be followed. The socket is opened for the
 * first match.
 */
export class Follows {
  #client = null;
  #channels = new Map(); // id -> channel
  #max = SUBSCRIPTIONS_MAX;
  #options;
  #states = new Map();
  #settling = 0;
  #wish = null;

  constructor({ onState = () => {}, onConnection = () => {}, onRefused = () => {}, silentMs } = {}) {
    this.#options = { silentMs };
    this.onState = onState;
    this.onConnection = onConnection;
    this.onRefused = onRefused;
    addEventListener("online", () => this.#client?.comeBack());
  }

  /** Returns what is known of a match, undefined before its first frame. */
  stateOf(id) {
    return this.#states.get(id);
  }

  /** Returns how the socket stands: "idle" while none was wanted. */
  get connection() {
    return this.#client?.connection ?? "idle";
  }

  /** Returns when a frame last came, 0 while there is no socket. */
  get heardAt() {
    return this.#client?.heardAt ?? 0;
  }

  /**
   * Follows the first of these matches; what room is left goes to those that `mayStay`. At once,
   * but of several wishes shortly one after another only the last counts.
   */
  want(matches, mayStay = () => false) {
    this.#wish = { matches, mayStay };
    if (!this.#settling) this.#settle();
  }

  #settle() {
    if (!this.#wish) {
      this.#settling = 0;
      return;
    }
    this.#settling = setTimeout(() => this.#settle(), SETTLES_MS);
    const { matches, mayStay } = this.#wish;
    this.#wish = null;
    this.#choose(matches, mayStay);
  }

  #choose(matches, mayStay) {
    const wanted = new Map(matches.map((match) => [match.id, channelOf(match)]));
    for (const [id, channel] of this.#channels) if (mayStay(id)) wanted.set(id, channel);
    const chosen = new Map([...wanted].slice(0, this.#max));
    for (const id of [...this.#channels.keys()]) if (!chosen.has(id)) this.#drop(id);
    for (const [id, channel] of chosen) if (!this.#channels.has(id)) this.#follow(id, channel);
  }

  /** Forgets what is known of matches that are not shown any more. */
  keep(ids) {
    for (const id of [...this.#states.keys()]) {
      if (!ids.has(id) && !this.#channels.has(id)) this.#forget(id);
    }
  }

  /** Takes a frame, from the socket or from elsewhere. */
  take(frame) {
    if (!frame.matchId) return;
    const known = this.#states.get(frame.matchId) ?? NOTHING;
    const next = apply(known, frame);
    if (next.gap) this.#startAfresh(frame.matchId);
    else if (next !== known) {
      this.#states.set(frame.matchId, next);
      this.onState(frame.matchId, next, frame);
    }
  }

  #follow(id, channel) {
    this.#channels.set(id, channel);
    this.#client ??= follow(addressOf(), {
      ...this.#options,
      onFrame: (frame) => this.take(frame),
      onError: (error) => this.#refused(error),
      onConnection: (word, code) => this.onConnection(word, code),
    });
    this.#client.subscribe(channel);
  }

  #drop(id) {
    this.#client.unsubscribe(this.#channels.get(id));
    this.#channels.delete(id);
  }

  #forget(id) {
    this.#states.delete(id);
    this.#client?.places.delete(id);
  }

  // What the socket goes on from and what is shown are not of one piece: only a snapshot mends it.
  #startAfresh(id) {
    this.#forget(id);
    if (this.#channels.has(id)) this.#client.subscribe(this.#channels.get(id));
  }

  #refused({ code, channel, message }) {
    if (code === TOO_MANY) this.#crowded();
    const found = [...this.#channels].find(([, followed]) => followed === channel);
    if (!found) return;
    this.#drop(found[0]);
    this.onRefused(found[0], { code, message });
  }

  // It was the last that was too many.
  #crowded() {
    this.#drop([...this.#channels.keys()].at(-1));
    this.#max = Math.max(1, this.#channels.size);
    setTimeout(() => {
      this.#max = SUBSCRIPTIONS_MAX;
    }, CROWDED_MS);
  }
}
