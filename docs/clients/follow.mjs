// Follows the score of one match: node follow.mjs ws://127.0.0.1:8000/live/18 (Node 22+, browsers)
let since = "";
(function follow(url) {
  const socket = new WebSocket(`${url}?kinds=score&since=${since}`);
  socket.onclose = ({ code }) => [4400, 4403, 4404].includes(code) || setTimeout(follow, 1000, url);
  socket.onmessage = (event) => {
    const { type, data, message, resume } = JSON.parse(event.data);
    since = resume ?? since; // Where to go on after a cut.
    if (data ?? message) console.log(type, JSON.stringify(data ?? message));
  };
})(process.argv[2]);
