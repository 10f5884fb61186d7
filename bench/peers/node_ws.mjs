// ws on Node: what is said is sent to each socket in turn.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { message, portOf } from "./asked.mjs";
import { toAll } from "./loop.mjs";

const http = createServer((_, answer) => answer.end("ready"));
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on("connection", (socket) => {
  socket.on("message", (said) => toAll(server.clients, message(said)));
});
http.listen(portOf(), "127.0.0.1");
