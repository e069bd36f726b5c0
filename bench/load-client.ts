/**
 * A client that keeps some connections busy with one GET request, for a while, and counts the answers; a process of its own, so that its
 * work is not in the server's CPU time. Arguments: port, path, Host header, connections, milliseconds. Prints the count.
 */
import { connect } from 'node:net';

const [port = '0', path = '/', host = '127.0.0.1', connections = '64', milliseconds = '1000'] = process.argv.slice(2);
const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const deadline = performance.now() + Number(milliseconds);
let answers = 0;
let open = Number(connections);

for (let i = 0; i < Number(connections); i++) {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
  let pending = 0;
  socket.on('connect', () => socket.write(request));
  socket.on('data', (chunk) => {
    // The length of an answer is the same each time; it is read from the first chunk of each.
    if (pending === 0) {
      const head = chunk.indexOf('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(chunk.toString('latin1', 0, head))?.[1];
      if (head < 0 || length === undefined || !chunk.toString('latin1', 0, 12).endsWith('200')) {
        process.stderr.write(`unexpected answer: ${chunk.toString('latin1', 0, 200)}\n`);
        process.exit(1);
      }
      pending = head + 4 + Number(length);
    }
    pending -= chunk.length;
    if (pending > 0) return;
    answers++;
    pending = 0;
    if (performance.now() < deadline) socket.write(request);
    else socket.destroy();
  });
  socket.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  socket.on('close', () => {
    if (--open === 0) process.stdout.write(`${answers}\n`);
  });
}
