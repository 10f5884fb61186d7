// Fastify with @fastify/websocket, run by Bun: what is said is sent to each socket in turn.
import websocket from "@fastify/websocket";
import Fastify from "fastify";
import { message, portOf } from "./asked.mjs";
import { toAll } from "./loop.mjs";

const server = Fastify();
await server.register(websocket);
const sockets = new Set();

server.get("/", { websocket: true }, (socket) => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  socket.on("message", (said) => toAll(sockets, message(said)));
});
server.get("/ready", async () => "ready");
await server.listen({ host: "127.0.0.1", port: portOf() });
