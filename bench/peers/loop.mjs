// A message to each socket, and the event loop its turn before the next message.
import { setImmediate } from "node:timers/promises";

export const toAll = async (sockets, { count, text }) => {
  for (let sent = 0; sent < count; sent += 1) {
    for (const socket of sockets) socket.send(text);
    await setImmediate();
  }
};
