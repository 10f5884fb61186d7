// Follows the score of one match: node follow.mjs ws://127.0.0.1:8000/live/18 (Node 22+, browsers)
const score = {};
let since = "";

function follow(url) {
  const socket = new WebSocket(`${url}?kinds=score&since=${since}`);
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === "error") return console.error(frame.message);
    since = frame.resume; // Where to go on after a cut.
    if (!["snapshot", "score_update", "score_correction"].includes(frame.type)) return;
    Object.assign(score, frame.data.score ?? frame.data);
    console.log(score.status, score.homeScore, score.awayScore);
  };
  socket.onclose = ({ code }) => [4400, 4403, 4404].includes(code) || setTimeout(follow, 1000, url);
}

follow(process.argv[2]);
