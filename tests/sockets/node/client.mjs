// A client of other people on a leash: takes commands as lines of JSON, says what it sees likewise.
//
//   node client.mjs pusher|echo {"packages","key","port","token","activityTimeout"}
//
// Commands: {"do":"subscribe"|"unsubscribe","channel"}, {"do":"trigger","channel","event","data"},
// {"do":"signin"}, {"do":"disconnect"}. What it says: {"saw":"state"|"event"|"error", ...}.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [kind, given] = process.argv.slice(2);
const asked = JSON.parse(given);
const require = createRequire(`${asked.packages}/`);
const Pusher = require("pusher-js");

const say = (saw, more) => process.stdout.write(`${JSON.stringify({ saw, ...more })}\n`);

// As the documentation says for servers of one's own; nothing here is made to fit us.
const options = {
  cluster: "",
  wsHost: "127.0.0.1",
  wsPort: asked.port,
  forceTLS: false,
  enabledTransports: ["ws"],
  activityTimeout: asked.activityTimeout,
};
const authEndpoint = `http://127.0.0.1:${asked.port}/broadcasting/auth`;

const watch = (connection) => {
  connection.bind("state_change", ({ current }) =>
    say("state", { state: current, socketId: connection.socket_id }));
  connection.bind("error", ({ error, data }) => say("error", { error: error?.data ?? data ?? error }));
};

/** pusher-js as it is. */
function pusher() {
  const headers = asked.token ? { Authorization: `Bearer ${asked.token}` } : {};
  const channelAuthorization = { endpoint: authEndpoint, headers };
  const userAuthentication = { endpoint: authEndpoint.replace("/auth", "/user-auth"), headers };
  const client = new Pusher(asked.key, { ...options, channelAuthorization, userAuthentication });
  watch(client.connection);
  client.connection.bind("message", ({ event, data }) => {
    if (event === "pusher:signin_success") say("signed in", { user: JSON.parse(data.user_data).id });
  });
  return {
    subscribe: ({ channel }) =>
      client.subscribe(channel).bind_global((event, data) => say("event", { channel, event, data })),
    unsubscribe: ({ channel }) => client.unsubscribe(channel),
    trigger: ({ channel, event, data }) => client.channel(channel).trigger(event, data),
    signin: () => client.signin(),
    disconnect: () => client.disconnect(),
  };
}

/** Laravel Echo over pusher-js, as an application uses it: named listeners, private by a method. */
async function echo() {
  const path = `${asked.packages}/node_modules/laravel-echo/dist/echo.js`;
  const { default: Echo } = await import(pathToFileURL(path).href);
  const client = new Echo({
    ...options, broadcaster: "reverb", key: asked.key, Pusher, authEndpoint, bearerToken: asked.token,
  });
  watch(client.connector.pusher.connection);
  const kinds = ["snapshot", "score_update", "incident", "odds_update", "bets", "balance_update"];
  return {
    subscribe: ({ channel }) => {
      const name = channel.replace(/^private-/, "");
      const followed = name === channel ? client.channel(name) : client.private(name);
      const tell = (event) => (data) => say("event", { channel, event, data });
      followed.subscribed(tell("subscribed")).error(tell("refused"));
      for (const event of kinds) followed.listen(`.${event}`, tell(event));
    },
    unsubscribe: ({ channel }) => client.leave(channel.replace(/^private-/, "")),
    disconnect: () => client.disconnect(),
  };
}

const commands = await { pusher, echo }[kind]();
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on("close", () => process.exit(0));
