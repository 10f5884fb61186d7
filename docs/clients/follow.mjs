// Follows the score of one match: node follow.mjs ws://127.0.0.1:8000/live/18 (Node 22+, browsers)
let since = "";
(function follow(url) {
  const socket = new WebSocket(`${url}?kinds=score&since=${since}`);
  socket.onclose = ({ code }) => [4400, 4403, 4404].includes(code) || setTimeout(follow, 1000, url);
  socket.onmessage = (message) => {
    const frame = JSON.parse(message.data), score = frame.data?.score ?? frame.data;
    if (frame.type === "error") console.error(frame.message);
    since = frame.resume ?? since; // Where to go on after a cut.
    if (score && "homeScore" in score) console.log(score.status, score.homeScore, score.awayScore);
  };
})(process.argv[2]);
