// Bun by itself: every socket subscribes to a topic, and the server publishes to it.
import { message, portOf } from "./asked.mjs";

const TOPIC = "match";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: portOf(),
  fetch: (request, asked) => (asked.upgrade(request) ? undefined : new Response("ready")),
  websocket: {
    open: (socket) => socket.subscribe(TOPIC),
    async message(_, said) {
      const { count, text } = message(said);
      for (let sent = 0; sent < count; sent += 1) {
        server.publish(TOPIC, text);
        await Bun.sleep(0);
      }
    },
  },
});
