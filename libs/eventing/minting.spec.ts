import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clockAt } from './clock.js';
import { command } from './command.js';
import { decider, type Decide } from './decider.js';
import { event, type EventOf } from './event-definition.js';
import { Kernel } from './kernel.js';
import { openVault } from './keys-vault.js';
import { openMemoryLog } from './memory-log.js';
import { EventRegistry } from './registry.js';
import { t } from './schema.js';
import { FORGOTTEN, type Vault } from './vault.js';

const Called = event('Called', t.object({ channel: t.code(), caller: t.optional(t.personal(t.text())) }));
const Noted = event('Noted', t.object({ text: t.personal(t.text()) }));
class Call extends command<{ caller?: string }>() {}
class Note extends command<{ text: string }>() {}

const ANNA = 'customer:anna';
const call: Decide<Call, number> = ({ caller }) => [
  Called({ channel: 'hotline', ...(caller !== undefined && { caller }) }, { subject: ANNA }),
];
const note: Decide<Note, number> = ({ text }) => [Noted({ text }, { subject: ANNA })];
const callsDecider = decider<number, EventOf<typeof Called | typeof Noted>>(
  { name: 'calls', stream: (id) => `calls-${id}`, initial: () => 0, evolve: (n) => n + 1 },
  (on) => [on(Call, () => '1', call), on(Note, () => '1', note)],
);

describe('what is recorded about a forgotten subject', () => {
  let directory: string;
  let vault: Vault;
  const log = openMemoryLog();
  let kernel: Kernel;
  const recorded = async () => {
    const found = [];
    for await (const e of log.readStream('calls-1')) found.push(e);
    return found;
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'touchstone-minting-'));
    vault = await openVault({ file: join(directory, 'keys.db') });
    const clock = clockAt('2024-05-01T08:00:00Z', { still: true });
    kernel = new Kernel({ log, vault, clock, registry: new EventRegistry([Called, Noted]) });
  });
  afterAll(async () => {
    await log.close();
    await vault.close();
    rmSync(directory, { recursive: true });
  });

  it('a fact keeps what is not personal; nothing of the rest reaches the log', async () => {
    await kernel.execute(callsDecider, new Call({ caller: 'Anna' }));
    await kernel.execute(callsDecider, new Note({ text: 'call back' }));
    await vault.destroy(ANNA);
    const { revision } = await kernel.execute(callsDecider, new Call({ caller: 'Anna again' }));
    expect(revision).toBe(2);
    const [first, , last] = await recorded();
    const opened = [first!, last!].map(({ id, data }) => {
      const { channel, caller } = data as { channel: string; caller: string };
      return [channel, vault.open(ANNA, id, 'caller', caller)];
    });
    expect(opened).toEqual([
      ['hotline', FORGOTTEN],
      ['hotline', FORGOTTEN],
    ]);
    expect((last!.data as { caller: string }).caller).toBe('enc:forgotten');
    await kernel.execute(callsDecider, new Call({}));
    expect((await recorded()).at(-1)!.data).toEqual({ channel: 'hotline' });
  });

  it('a command that would say nothing else is refused, and takes none of its chunk down with it', async () => {
    const before = (await recorded()).length;
    const work = [new Call({ caller: 'Anna' }), new Note({ text: 'x' }), new Call({})].map((c) => ({
      decider: callsDecider as never,
      command: c,
    }));
    const outcomes = await kernel.executeMany(work);
    expect(outcomes.map((o) => (o.ok ? 'taken' : (o.error as { code?: string }).code))).toEqual([
      'taken',
      'CUSTOMER_FORGOTTEN',
      'taken',
    ]);
    expect(await recorded()).toHaveLength(before + 2);
  });
});
