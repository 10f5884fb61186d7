// Follows matches over one socket (/ws): every change once and in order, whatever breaks in between.
// Options: token() gives a token; onFrame(frame) takes what is to be applied, onError(frame) what was
// refused, onConnection(word, code) one of connecting, live, reconnecting, closed. Browsers, Node 22.
const FINAL = [1000, 4400, 4403, 4404]; // To come back would bring the same answer.
// How long to wait before a try: longer each time, bounded, drawn so that not all come at once.
export const delayMs = (tries, random = Math.random()) =>
  Math.round(Math.min(30_000, 500 * 2 ** tries) * (0.25 + 0.75 * random));
const fits = (pattern, channel) =>
  pattern.split(".").every((part, n) => part === "*" || part === channel.split(".")[n]);
export function follow(url, { token, onFrame, onError, onConnection, silentMs = 20_000 } = {}) {
  const channels = new Set();
  const places = new Map(); // By match, of the last frame that was applied: { channel, seq, resume }.
  const client = { connection: "connecting", heardAt: Date.now(), places };
  let socket, ready, hint, retry, watch, tries = 0;
  client.subscribe = (channel) => { // A channel or a pattern; it goes on from the places it knows.
    channels.add(channel);
    const known = [...places].filter(([, place]) => fits(channel, place.channel));
    const since = Object.fromEntries(known.map(([match, { resume }]) => [match, resume]));
    send({ type: "subscribe", channel, since });
  };
  client.unsubscribe = (channel) => channels.delete(channel) && send({ type: "unsubscribe", channel });
  client.comeBack = () => client.connection === "reconnecting" && !socket && connect();
  client.close = () => drop((client.connection = "closed"));

  function connect() {
    clearTimeout(retry);
    const mine = (socket = new WebSocket(url));
    const ours = (act) => (event) => mine === socket && act(event);
    socket.onopen = ours(() => authenticate(mine));
    socket.onmessage = ours(({ data }) => take(JSON.parse(data)));
    socket.onclose = ours(({ code }) => lost(code));
    listen();
  }
  async function authenticate(mine) { // Once it is open, and when the token is about to end.
    const secret = await token?.();
    if (mine !== socket) return;
    const first = ready !== (ready = true);
    if (secret) send({ type: "auth", token: secret });
    if (first) channels.forEach(client.subscribe);
  }
  function take(frame) {
    listen();
    if (frame.type === "error") return onError?.(frame);
    if (frame.type === "going_away") hint = frame.reconnectInMs;
    if (frame.type === "expiring") authenticate(socket);
    [tries, client.heardAt] = [0, Date.now()];
    say("live");
    const { matchId, channel, seq, resume } = frame;
    if (matchId && !isNext(frame)) return;
    onFrame?.(frame);
    if (matchId) places.set(matchId, { channel, seq, resume }); // Only now that it was applied.
  }
  function isNext({ type, matchId, channel, seq, conflated, data }) {
    const ahead = seq - places.get(matchId)?.seq - !(type === "heartbeat" || data?.state);
    if (type === "snapshot" || ahead === 0 || (conflated && ahead > -2)) return true;
    if (!(ahead > 0)) return false; // Heard before; NaN: of no use without a snapshot.
    places.delete(matchId); // Something is missing: begin this match afresh.
    return void [...channels].filter((one) => fits(one, channel)).forEach(client.subscribe);
  }
  function lost(code) {
    drop();
    if (FINAL.includes(code) || (code === 4401 && !token)) return say("closed", code);
    retry = setTimeout(connect, hint ?? (code === 4429 ? 60_000 : delayMs(tries++)));
    hint = undefined;
    say("reconnecting", code);
  }
  function drop() {
    [watch, retry].forEach(clearTimeout);
    const old = socket;
    socket = ready = undefined;
    if (old?.readyState === 0) old.onopen = () => old.close(); // A browser calls else it a failure.
    else old?.close();
  }
  const listen = () => (clearTimeout(watch), (watch = setTimeout(ask, silentMs)));
  const ask = () => (send({ type: "ping" }), (watch = setTimeout(lost, silentMs, 1006)));
  const send = (message) => ready && socket.readyState === 1 && socket.send(JSON.stringify(message));
  const say = (is, code) => client.connection !== is && onConnection?.((client.connection = is), code);
  return connect(), client;
}
