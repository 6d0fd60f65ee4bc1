import { connect, type Socket } from 'node:net';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { OpenLoads } from '@touchstone/journeys';
import { CONFIG, httpStatusOf, reportOf, type Config } from '@touchstone/platform';
import type { FastifyInstance } from 'fastify';
import { CloudEventIntake } from './cloudevents-intake.js';
import { EventsController } from './events.controller.js';
import { FileImporter } from './import-job.js';
import { HeldAnswers } from './held-answers.js';
import { ImportLogger } from './import-logger.js';
import { RunningImports } from './running-imports.js';
import { registerStreamingBodies } from './streaming-bodies.js';
import { openHouse, type House } from './testing.js';

/** A house whose events come in over HTTP. */
export interface EventsHouse {
  readonly house: House;
  readonly url: string;
  readonly fastify: FastifyInstance;
  post(headers: Record<string, string>, body?: string | Buffer): Promise<{ status: number; body: Answer }>;
  close(): Promise<void>;
}

// Tests know what they asked for.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Answer = any;

/** `slowly` stands before the house's own way in. */
export async function openEventsHouse(
  slowly: (take: House['intake']['take']) => House['intake']['take'] = (take) => take,
  limits: Partial<Pick<Config, 'intakeMaxStreams' | 'intakeIdleMs'>> = {},
): Promise<EventsHouse> {
  const house = await openHouse();
  const take = slowly((facts, options) => house.intake.take(facts, options));
  const intake = new CloudEventIntake({ intake: { take }, objects: house.objects, quarantine: house.quarantine });
  const module = await Test.createTestingModule({
    controllers: [EventsController],
    providers: [
      ImportLogger,
      { provide: HeldAnswers, useValue: new HeldAnswers() },
      { provide: CONFIG, useValue: { intakeMaxStreams: 64, intakeIdleMs: 60_000, ...limits } },
      { provide: CloudEventIntake, useValue: intake },
      {
        provide: RunningImports,
        useValue: new RunningImports(new FileImporter(house), house.quarantine, new OpenLoads()),
      },
    ],
  }).compile();
  const adapter = new FastifyAdapter({ forceCloseConnections: true });
  const app = module.createNestApplication<NestFastifyApplication>(adapter);
  registerStreamingBodies(adapter.getInstance());
  app.useGlobalFilters({
    catch: (error, host) => {
      const reply = host.switchToHttp().getResponse<{ code(n: number): { send(body: unknown): void } }>();
      const report = reportOf(error, () => undefined);
      reply.code((error as { status?: number }).status ?? httpStatusOf(report)).send({ error: report });
    },
  });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  await house.packs.publish({
    pack: 'crew',
    names: { en: 'Crew' },
    kinds: [
      { id: 'crew.arrived', names: { en: 'x' }, traits: { closes: false, contact: true, customerVisible: true } },
    ],
  });
  return {
    house,
    url,
    fastify: adapter.getInstance(),
    post: async (headers, body) => {
      const response = await fetch(`${url}/events`, { method: 'POST', headers, body: body as string });
      const text = await response.text();
      return { status: response.status, body: text === '' ? null : (JSON.parse(text) as Answer) };
    },
    close: async () => {
      await app.close();
      // The application has closed the quarantine with itself.
      await house.close().catch(() => undefined);
    },
  };
}

/** An event that can be taken in. */
export const anEvent = (id: string, more: object = {}, data: object = {}) => ({
  specversion: '1.0',
  id,
  source: '/oms',
  type: 'touchpoint.recorded',
  time: '2024-05-01T08:00:00+08:00',
  data: { journey: { type: 'repair', key: 'F1' }, kind: 'crew.arrived', ...data },
  ...more,
});

/** A stream of lines, sent piece by piece over a socket of one's own. */
export class LineSender {
  private text = '';
  private waiting: (() => void) | null = null;
  readonly closed: Promise<void>;

  private constructor(readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      this.text += String(text);
      this.waiting?.();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<LineSender> {
    const { port, hostname } = new URL(url);
    const socket = connect(Number(port), hostname);
    const all = {
      host: 'localhost',
      'content-type': 'application/x-ndjson',
      'transfer-encoding': 'chunked',
      ...headers,
    };
    const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    await new Promise<void>((resolve) =>
      socket.write(`POST /events HTTP/1.1\r\n${head.join('')}\r\n`, () => resolve()),
    );
    return new LineSender(socket);
  }

  /** Resolves when the socket has taken it. */
  send(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const chunk = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
    return new Promise((resolve) => this.socket.write(chunk, () => resolve()));
  }

  end(): void {
    this.socket.write('0\r\n\r\n');
  }

  /** What was answered so far, once the condition holds. */
  async until(condition: (answers: Answer[], head: string) => boolean): Promise<Answer[]> {
    for (;;) {
      if (condition(this.answers(), this.text)) return this.answers();
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
        if (this.socket.closed) resolve();
      });
      if (this.socket.closed && !condition(this.answers(), this.text)) throw new Error(`Closed after: ${this.text}`);
    }
  }

  private answers(): Answer[] {
    return this.text.split(/\r?\n/).flatMap((line) => (/^\{.*\}$/.test(line) ? [JSON.parse(line) as Answer] : []));
  }
}
