/**
 * A house that is there to be killed: directory, keys, log, projections and kernel as the server composes them, with
 * several writers at work. It loads, says so, waits for its orders, and from then on says on its output, line by line,
 * what it is about to do and what was acknowledged. It writes to its output as to a file, waiting while nobody reads
 * (`process.stdout` would keep in memory what the pipe does not take), so what was said can be read after the kill.
 */
import { writeSync } from 'node:fs';
import { openDataDirectory } from '@touchstone/eventing/data-directory';
import { Kernel } from '@touchstone/eventing/kernel';
import { openVault } from '@touchstone/eventing/keys-vault';
import { EventRegistry } from '@touchstone/eventing/registry';
import { openLog } from '@touchstone/eventing/open-log';
import { systemClock } from '@touchstone/eventing/clock';
import * as customers from '@touchstone/journeys/customer';
import * as journeys from '@touchstone/journeys/journey';
import * as keys from '@touchstone/journeys/lookup-key';
import { setTimeout as sleep } from 'node:timers/promises';
import { events } from '../apps/server/dist/composition.js';
import { startProjections } from '../apps/server/dist/projections.js';
import { seeded, writersOf } from './chaos.workload.js';

const GROUP = 'journeys';
const commands = { ...customers, ...journeys, ...keys };
const deciders = { customer: customers.customerDecider, journey: journeys.journeyDecider, key: keys.keyDecider };

function say(line) {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < bytes.length;) at += written(bytes, at);
}

/** Bytes that the pipe took; a full one is waited for. */
function written(bytes, at) {
  try {
    return writeSync(1, bytes, at);
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    return 0;
  }
}

process.once('message', (orders) => void run(orders));
process.send({ type: 'loaded' });

/** @param {import('./chaos.children.js').Orders} orders */
async function run(orders) {
  const directory = await openDataDirectory(orders.directory);
  const vault = await openVault({ file: directory.file('keys.db') });
  const log = await openLog({ engine: 'sqlite', file: directory.file('log.db') });
  const logger = { error: (error) => say({ broken: String(error) }) };
  const projections = await startProjections({ config: { timeZone: 'UTC' }, directory, log, logger });
  const registry = new EventRegistry(events);
  const kernel = new Kernel({ log, vault, clock: systemClock, registry });
  say({ open: true });
  const house = { kernel, vault, early: orders.defect === 'early-acknowledgement' };
  try {
    for (const order of orders.repeat) await carryOut(house, order);
    if (orders.rebuild) void rebuild(projections);
    if (orders.writers) await Promise.all(writersOf(orders).map((own) => writer(house, own)));
    await projections.waitFor(GROUP, await log.head(), { timeoutMs: 20_000 });
    say({ settled: await log.head() });
  } catch (error) {
    say({ broken: error.stack });
  }
  await projections.stop();
  await log.close();
  await vault.close();
  await directory.release();
  process.disconnect();
}

async function writer(house, orders) {
  const random = seeded(orders.seed);
  for (const order of orders.each()) {
    await carryOut(house, order);
    await sleep(random() * orders.pauseMs);
  }
}

/** One append request, or a chunk of them, told before and after. */
async function carryOut({ kernel, vault, early }, order) {
  say({ about: order.key, works: order.works });
  if (early) say({ done: order.key, outcomes: order.works.map(promised) });
  const works = order.works.map((work) => workOf(work, vault));
  const options = { context: { actor: { id: 'chaos' }, correlationId: order.key } };
  const outcomes = await kernel.executeMany(works, options);
  if (!early) say({ done: order.key, outcomes: outcomes.map(told) });
}

function workOf({ decider, command, payload }, vault) {
  // The lookup secret stays in the house: a key's name is made here.
  const { identifier, ...rest } = payload;
  const given = identifier ? { ...rest, hash: vault.lookupHash(identifier.type, identifier.value) } : rest;
  return { decider: deciders[decider], command: new commands[command](given) };
}

function told(outcome) {
  if (!outcome.ok) return { ok: false, code: outcome.error.code, kind: outcome.error.kind };
  const { stream, revision, position, events } = outcome.done;
  return {
    ok: true,
    stream,
    revision,
    position,
    events: events.map(({ id, type, occurredAt, recordedAt, data }) => ({ id, type, occurredAt, recordedAt, data })),
  };
}

/** The defect: what is only hoped for is acknowledged. */
function promised({ payload }) {
  const id = payload.touchpointId ?? payload.noteId;
  return { ok: true, stream: `journey-${payload.journeyId}`, events: id ? [{ id }] : [] };
}

async function rebuild(projections) {
  say({ phase: 'asked' });
  let last = 'asked';
  const watch = setInterval(() => void look(), 5);
  const look = async () => {
    const phase = (await projections.status()).find(({ group }) => group === GROUP)?.building?.phase;
    if (phase === undefined || phase === last) return;
    last = phase;
    say({ phase });
  };
  try {
    await projections.rebuild(GROUP);
    say({ phase: 'swapped' });
  } catch (error) {
    say({ broken: `rebuild: ${error.message}` });
  } finally {
    clearInterval(watch);
  }
}
