/** The pulse of a GraphQL socket: both ends notice when the other one has gone without a word, or stands still. */
import type { WebSocket } from 'ws';

export type Pulsed = Pick<WebSocket, 'on' | 'once' | 'ping' | 'send' | 'terminate' | 'readyState' | 'OPEN'>;

/** A Ping of the protocol graphql-transport-ws: it reaches the client's own code, which a ping frame does not in browsers. */
const PING = JSON.stringify({ type: 'ping' });

/**
 * Pings the socket again and again, by message and by frame, and ends it when it was silent from one ping to the next:
 * its subscriptions end with it, and whoever is behind it connects again and reads on. Anything it says counts.
 */
export function keepPulse(socket: Pulsed, everyMs: number): void {
  let heard = true;
  const hear = () => (heard = true);
  socket.on('message', hear);
  socket.on('pong', hear);
  const timer = setInterval(() => {
    // A socket, no worker: nobody answers a farewell.
    // eslint-disable-next-line no-restricted-syntax
    if (!heard) return socket.terminate();
    heard = false;
    if (socket.readyState !== socket.OPEN) return;
    socket.send(PING);
    socket.ping();
  }, everyMs);
  socket.once('close', () => clearInterval(timer));
}
