// One's own bets and balance over a socket: all there is at first, then every change, in order.

import { token } from "./log_in.js";
import { delayMs } from "./touchline_client.mjs";

// The server says something more often than this; silence means that the line is dead.
const SILENT_MS = 45_000;
const ASK_EVERY_MS = 20_000;

/** Follows bets until closed; `onFrame` is told `bets`, `bet_update` and `balance_update`. */
export function followBets(onFrame) {
  let socket = null;
  let tries = 0;
  let heardAt = 0;
  let closed = false;
  const say = (message) => socket?.readyState === 1 && socket.send(JSON.stringify(message));

  async function authenticate() {
    try {
      say({ type: "auth", token: await token() });
      return true;
    } catch {
      socket?.close();
      return false;
    }
  }

  function connect() {
    if (closed) return;
    socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`);
    heardAt = Date.now();
    socket.onopen = async () => (await authenticate()) && say({ type: "bets" });
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      heardAt = Date.now();
      if (frame.type === "expiring") authenticate();
      if (frame.type === "bets") tries = 0;
      if (["bets", "bet_update", "balance_update"].includes(frame.type)) onFrame(frame);
    };
    socket.onclose = () => closed || setTimeout(connect, delayMs(tries++));
  }

  const watch = setInterval(() => {
    if (Date.now() - heardAt > SILENT_MS) socket?.close();
    else say({ type: "ping" });
  }, ASK_EVERY_MS);
  connect();
  return {
    close() {
      closed = true;
      clearInterval(watch);
      const old = socket;
      if (old?.readyState === 0) old.onopen = () => old.close(); // A browser calls else it a failure.
      else old?.close();
    },
  };
}
