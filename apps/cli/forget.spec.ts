import { PassThrough } from 'node:stream';
import { confirmOn } from './confirm.js';
import { receiptText } from './forget.command.js';
import { runHere } from './testing.js';

const ID = '0197e0c2-6b1f-7c3a-8a55-0f6e7b1a2c3d';

describe('touchstone forget', () => {
  it.each([
    [[ID], 2, /^USAGE: Say why with --reason/],
    [[ID, '--receipt', '--yes'], 2, /^USAGE: --receipt changes nothing/],
    [[ID, '--receipt', '--reason', 'x'], 2, /^USAGE: --receipt changes nothing/],
    [[ID, '--reason', 'x'], 1, /^CONFIRMATION_NEEDED: /],
  ])('%j ends with %i before any server is asked', async (args, code, err) => {
    const ended = await runHere('--data', '/nowhere', 'forget', ...args);
    expect([ended.code, ended.out]).toEqual([code, '']);
    expect(ended.err).toMatch(err);
  });

  it('tells what was done and what stays, in the language of the reader', () => {
    const receipt = {
      customerIds: [ID],
      completedAt: '2025-06-01T08:00:00.000Z',
      position: '0000000000000010',
      journeyCount: 1,
      keysDestroyed: 2,
      keysReleased: 1,
      quarantineRemoved: 1_200,
      importsRemoved: 0,
      repeatedAt: ['2025-06-02T08:00:00.000Z'],
      remains: [{ code: 'EVENTS', en: 'Events stay.', zh: '事件保留。' }],
    };
    expect(receiptText(receipt, 'en').split('\n')).toEqual([
      `Forgotten at 2025-06-01T08:00:00.000Z, event 0000000000000010: ${ID}`,
      '  2 keys destroyed, 1 identifier released',
      '  1,200 records removed from quarantine, 0 interrupted imports given up',
      '  1 journey, which names nobody any more',
      '  keys that a restore had brought back were destroyed again at 2025-06-02T08:00:00.000Z',
      'What stays, and what cannot be undone from here:',
      '  - Events stay.',
    ]);
    expect(receiptText(receipt, 'zh')).toContain('  - 事件保留。');
  });
});

describe('a question that cannot be undone', () => {
  const asked = (given: string | null, signal = new AbortController().signal) => {
    const input = new PassThrough();
    const output = new PassThrough();
    const answer = confirmOn({ input, output }, 'Sure? ', signal);
    if (given === null) input.end();
    else input.write(given);
    return { answer, said: () => String(output.read()) };
  };

  it.each([
    ['yes\n', true],
    [' YES \n', true],
    ['y\n', false],
    ['\n', false],
    ['yes please\n', false],
  ])('%j is a yes: %s', async (given, is) => {
    const { answer, said } = asked(given);
    expect(await answer).toBe(is);
    expect(said()).toBe('Sure? ');
  });

  it('is not answered by an end of the input, or by a stop', async () => {
    await expect(asked(null).answer).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const stop = new AbortController();
    const { answer } = asked('', stop.signal);
    stop.abort();
    await expect(answer).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
