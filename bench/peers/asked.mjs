// What the bench asks of every peer: a port to listen on, and by a message of one socket
// `{"count", "bytes"}` so many messages of so many bytes to all sockets.

export const portOf = () => Number(process.argv[2]);

export const message = (said) => {
  const { count, bytes } = JSON.parse(String(said));
  const text = JSON.stringify({
    type: "score_update",
    matchId: "1",
    data: { homeScore: 2, awayScore: 1, period: "2nd Half" },
  });
  return { count, text: text.padEnd(bytes) };
};
