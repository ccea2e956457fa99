// Puts a token into every request: for clients that can't send one. Says its port on standard output.
import http from 'node:http';

const target = new URL(process.argv[2]);
const authorization = `Bearer ${process.env.TOKEN}`;

const server = http.createServer((request, response) => {
  const sent = http.request(
    {
      host: target.hostname,
      port: target.port,
      method: request.method,
      path: request.url,
      headers: { ...request.headers, authorization },
    },
    (answer) => {
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
    },
  );
  sent.on('error', () => response.destroy());
  response.on('close', () => sent.destroy());
  request.pipe(sent);
});

server.listen(0, '127.0.0.1', () => console.log(server.address().port));
