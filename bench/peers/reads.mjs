// Fastify with @fastify/jwt and ioredis, run by Bun: an answer from memory, from Redis, and from
// Redis to who shows a token. `PUT /body/NAME` sets what is answered.
import jwt from "@fastify/jwt";
import Fastify from "fastify";
import Redis from "ioredis";
import { portOf } from "./asked.mjs";

const server = Fastify();
const redis = new Redis(process.env.REDIS_URL);
const memory = new Map();
await server.register(jwt, { secret: "of a bench, and long enough to sign with" });

const json = (reply, body) => reply.header("content-type", "application/json").send(body);
const fromRedis = async (request, reply) =>
  json(reply, await redis.get(`bench:${request.params.name}`));

server.addContentTypeParser("*", { parseAs: "string" }, (_, body, done) => done(null, body));
server.put("/body/:name", async (request) => {
  memory.set(request.params.name, request.body);
  await redis.set(`bench:${request.params.name}`, request.body);
  return "kept";
});
server.get("/token", async () => server.jwt.sign({ sub: "1" }));
server.get("/memory/:name", (request, reply) => json(reply, memory.get(request.params.name)));
server.get("/redis/:name", fromRedis);
server.get("/jwt/:name", { onRequest: (request) => request.jwtVerify() }, fromRedis);
server.get("/ready", async () => "ready");
await server.listen({ host: "127.0.0.1", port: portOf() });
