import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket, type RawData } from 'ws';
import { TestServer } from './testing.js';

const EVERY_MS = 150;
let server: TestServer;
beforeAll(async () => void (server = await TestServer.start({ SOCKET_PING_MS: String(EVERY_MS) })));
afterAll(() => server.remove());

const feeds = async (): Promise<number> => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/touchstone_feeds_open\{transport="graphql"\} (\d+)/.exec(text)?.[1] ?? 0);
};
async function until(wanted: number): Promise<number> {
  for (let tries = 0; tries < 200 && (await feeds()) !== wanted; tries++) await sleep(20);
  return feeds();
}

/** A client with no library: it answers what it is told to, and keeps what it heard. */
async function subscribed(options: { autoPong?: boolean; answers?: boolean } = {}) {
  const address = `${server.url.replace('http', 'ws')}/graphql`;
  const socket = new WebSocket(address, 'graphql-transport-ws', { autoPong: options.autoPong ?? true });
  const heard: string[] = [];
  let closed = false;
  socket.on('close', () => (closed = true));
  await new Promise((resolve) => socket.once('open', resolve));
  const acknowledged = new Promise((resolve) => {
    socket.on('message', (data: RawData) => {
      const { type } = JSON.parse((data as Buffer).toString()) as { type: string };
      heard.push(type);
      if (type === 'connection_ack') resolve(type);
      if (type === 'ping' && options.answers) socket.send('{"type":"pong"}');
    });
  });
  socket.send('{"type":"connection_init"}');
  await acknowledged;
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { events { id } }' } }));
  return { socket, heard, isClosed: () => closed };
}

describe('the pulse of a GraphQL socket', () => {
  it('is a ping that the client hears, again and again; one that answers stays', async () => {
    // By the message alone, as a client whose network layer hides ping frames, and by the frame alone.
    const clients = [await subscribed({ autoPong: false, answers: true }), await subscribed({ autoPong: true })];
    expect(await until(2)).toBe(2);
    await sleep(6 * EVERY_MS);
    for (const { heard, isClosed } of clients) {
      expect(heard.filter((type) => type === 'ping').length).toBeGreaterThanOrEqual(4);
      expect(isClosed()).toBe(false);
    }
    for (const { socket } of clients) socket.close();
    expect(await until(0)).toBe(0);
  });

  it('ends one that says nothing any more, and its subscriptions with it', async () => {
    const silent = await subscribed({ autoPong: false });
    expect(await until(1)).toBe(1);
    expect(await until(0)).toBe(0);
    await sleep(20);
    expect(silent.isClosed()).toBe(true);
  });

  it('ends one that stands still: nothing is read from it, nothing taken by it', async () => {
    const stalled = await subscribed();
    expect(await until(1)).toBe(1);
    const connection = (stalled.socket as unknown as { _socket: { pause(): void; destroy(): void } })._socket;
    connection.pause();
    expect(await until(0)).toBe(0);
    connection.destroy();
  });
});
