/**
 * Derived rows in parts that two threads make: whoever is done with a part takes the next one. The thread that builds
 * the generation writes what both of them make; the other one only reads.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { TouchstoneError } from '@touchstone/eventing/pure';
import { derivationFailed } from './derivations.js';
import type { BuiltInParts, DerivedRows, HandOver, ProjectionGroup, Row } from './projection.js';
import { fromWire, toWire, type WireError } from './runner-status.js';
import { ShapedStatements } from './shaped-rows.js';
import { openForReading, type Connection } from './connection.js';
import { assertIntegrity } from './sqlite.js';

/** What the other thread is asked to do with a file. */
export type HelperOrder =
  | {
      readonly kind: 'make';
      readonly file: string;
      /** Place of the derivation in its group. */
      readonly index: number;
      readonly parts: readonly unknown[];
      /** Number of the next part that nobody has taken. */
      readonly next: SharedArrayBuffer;
    }
  | { readonly kind: 'check'; readonly file: string; readonly tables: readonly string[] };

/** More than so many parts that were not taken yet, and the maker waits. */
const AHEAD = 4;

type ToHelper = HelperOrder | { readonly kind: 'accepted' };
type FromHelper =
  | { readonly kind: 'made'; readonly made: unknown }
  /** A part, or everything that there was to do. */
  | { readonly kind: 'part' | 'done' }
  | { readonly kind: 'failed'; readonly error: WireError };
const KINDS: ReadonlySet<string> = new Set<FromHelper['kind']>(['made', 'part', 'done', 'failed']);

export interface PartWork {
  readonly index: number;
  readonly parts: BuiltInParts['parts'];
  readonly rows: DerivedRows;
  /** Runs work that writes in a transaction. */
  readonly write: (work: () => void) => void;
  readonly signal: AbortSignal;
}

/** The other thread, for the one that builds. One thing at a time. */
export class PartHelper {
  private readonly arrived: FromHelper[] = [];
  private wake = () => {};
  private isLost = false;

  constructor(
    private readonly port: MessagePort,
    private readonly file: string,
    /** What the building thread does first, while the other one makes the first parts. */
    private meanwhile: () => void = () => {},
  ) {
    port.on('message', (message: FromHelper) => this.hear(message));
    port.once('close', () => {
      this.isLost = true;
      this.wake();
    });
  }

  /** @throws HELPER_LOST; what the derivation throws */
  async build({ index, parts, rows, write, signal }: PartWork): Promise<void> {
    const all = parts.split(rows);
    const next = new SharedArrayBuffer(4);
    this.send({ kind: 'make', file: this.file, index, parts: all, next });
    write(() => this.meanwhile());
    this.meanwhile = () => {};
    const taker = parts.taker(rows);
    const take = (made: unknown) => write(() => taker.take(made));
    const maker = parts.maker(rows, (made) => taker.take(made));
    const counter = new Int32Array(next);
    let isDone = false;
    for (let i = Atomics.add(counter, 0, 1); i < all.length; i = Atomics.add(counter, 0, 1)) {
      write(() => maker.make(all[i]));
      // What the other one has made has its turn.
      await nextTurn();
      signal.throwIfAborted();
      while (this.arrived.length > 0) isDone = this.take(this.arrived.shift()!, take) || isDone;
    }
    write(() => maker.end());
    if (!isDone) await this.untilDone(take, signal);
    write(() => taker.finish());
  }

  /** Has the other thread check tables while this one goes on. Answers how to wait for the outcome. */
  check(tables: readonly string[], signal: AbortSignal): () => Promise<void> {
    this.send({ kind: 'check', file: this.file, tables });
    return () => this.untilDone(() => {}, signal);
  }

  private async untilDone(take: (made: unknown) => void, signal: AbortSignal): Promise<void> {
    const abort = () => this.wake();
    signal.addEventListener('abort', abort, { once: true });
    try {
      for (;;) {
        while (this.arrived.length === 0) {
          signal.throwIfAborted();
          if (this.isLost) throw helperLost();
          await new Promise<void>((resolve) => (this.wake = resolve));
        }
        if (this.take(this.arrived.shift()!, take)) return;
      }
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** True when the other thread is done. */
  private take(message: FromHelper, take: (made: unknown) => void): boolean {
    switch (message.kind) {
      case 'made':
        take(message.made);
        return false;
      case 'part':
        this.send({ kind: 'accepted' });
        return false;
      case 'done':
        return true;
      case 'failed':
        throw fromWire(message.error);
    }
  }

  private hear(message: FromHelper): void {
    // The port serves other ends too.
    if (!KINDS.has(message.kind)) return;
    this.arrived.push(message);
    this.wake();
  }

  private send(message: ToHelper): void {
    this.port.postMessage(message);
  }
}

/** Does what the thread at the other end of the port asks for, until it closes the port. */
export async function servePartHelp(port: MessagePort, group: ProjectionGroup): Promise<void> {
  let ahead = 0;
  let wake = () => {};
  let isClosed = false;
  let working: Promise<void> = Promise.resolve();
  const send = (message: FromHelper, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, [...transfer]);
  const closed = new Promise<void>((resolve) =>
    port.once('close', () => {
      isClosed = true;
      wake();
      resolve();
    }),
  );
  const room = async () => {
    // Accepting is heard of between two parts only.
    await nextTurn();
    while (ahead >= AHEAD && !isClosed) await new Promise<void>((resolve) => (wake = resolve));
    return !isClosed;
  };
  const work = async (order: HelperOrder) => {
    const db = openForReading(order.file);
    try {
      if (order.kind === 'check') for (const table of order.tables) assertIntegrity(db, order.file, table);
      else {
        const hand: HandOver = (made, transfer) => send({ kind: 'made', made }, transfer);
        await makeParts(db, group, order, hand, async () => {
          ahead++;
          send({ kind: 'part' });
          return room();
        });
      }
    } finally {
      db.close();
    }
    send({ kind: 'done' });
  };
  port.on('message', (message: ToHelper) => {
    if (message.kind === 'accepted') {
      ahead--;
      return wake();
    }
    if (message.kind !== 'make' && message.kind !== 'check') return;
    working = working
      .then(() => work(message))
      .catch((error: unknown) => send({ kind: 'failed', error: toWire(error, 'PART_FAILED') }));
  });
  await closed;
  await working;
}

async function makeParts(
  db: Connection,
  { derivations = [] }: ProjectionGroup,
  { index, parts, next }: Extract<HelperOrder, { kind: 'make' }>,
  hand: HandOver,
  afterPart: () => Promise<boolean>,
): Promise<void> {
  const derivation = derivations[index]!;
  const statements = new ShapedStatements(db);
  const name = db.prepare('select id from name where dictionary = ? and value = ?');
  try {
    const maker = derivation.parts!.maker(
      {
        all: (text, ...params) => statements.of(text).all<Row>(params),
        each: (text, ...params) => statements.each<Row>(text, params),
        idOf: (dictionary, value) => (name.get(dictionary, value)?.id as number | undefined) ?? null,
      },
      hand,
    );
    const counter = new Int32Array(next);
    for (let i = Atomics.add(counter, 0, 1); i < parts.length; i = Atomics.add(counter, 0, 1)) {
      maker.make(parts[i]);
      if (!(await afterPart())) return;
    }
    maker.end();
  } catch (error) {
    throw derivationFailed(derivation.name, error);
  }
}

const helperLost = () =>
  new TouchstoneError(
    'HELPER_LOST',
    'The thread that helped to build a generation has ended; the generation is built once more, without one.',
    'unavailable',
  );
