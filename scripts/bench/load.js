/** Many connections that ask one question after the other, as cheaply as can be: the server is what is measured. */
import { connect } from 'node:net';

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/**
 * Asks over so many connections until `ms` have passed. `bodyOf(n)` is the n-th question, GraphQL in JSON; `check` sees
 * each answer's text. Answers {requests, perS, latencies}: latencies in ms.
 */
export async function load(url, { connections, ms, bodyOf, check }) {
  const latencies = [];
  const started = performance.now();
  const until = started + ms;
  let asked = 0;
  const one = async () => {
    const connection = await Connection.open(url);
    while (performance.now() < until) {
      const body = bodyOf(asked++);
      const before = performance.now();
      const text = await connection.post('/graphql', body);
      latencies.push(performance.now() - before);
      check(text);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: connections }, one));
  const perS = (latencies.length * 1_000) / (performance.now() - started);
  return { requests: latencies.length, perS, latencies };
}

/** One kept-alive connection with one request under way. */
class Connection {
  #socket;
  #host;
  #received = Buffer.alloc(0);
  #waiting = null;

  static open(url) {
    const { hostname, port, host } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Connection(socket, host)));
    });
  }

  constructor(socket, host) {
    this.#socket = socket;
    this.#host = host;
    socket.on('data', (chunk) => this.#hear(chunk));
    socket.on('close', () => this.#waiting?.reject(new Error('The server closed the connection.')));
  }

  post(path, body) {
    const length = Buffer.byteLength(body);
    this.#socket.write(
      `POST ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`,
    );
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  close() {
    this.#socket.destroy();
  }

  #hear(chunk) {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const head = this.#received.indexOf(END_OF_HEAD);
    if (head < 0) return;
    const length = /content-length: (\d+)/i.exec(this.#received.toString('latin1', 0, head))?.[1];
    if (length === undefined) return this.#waiting.reject(new Error('An answer without a length is not understood.'));
    const from = head + END_OF_HEAD.length;
    const to = from + Number(length);
    if (this.#received.length < to) return;
    const text = this.#received.toString('utf8', from, to);
    this.#received = this.#received.subarray(to);
    this.#waiting.resolve(text);
  }
}
