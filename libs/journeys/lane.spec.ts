import { setTimeout as sleep } from 'node:timers/promises';
import { Lane, type LaneTurn, type Stage } from './lane.js';

describe('parts of one sender', () => {
  const step = async (said: string[], turn: LaneTurn, stage: Stage, name: string, ms: number) =>
    turn.stage(stage, async () => {
      said.push(`${name} begins ${stage}`);
      await sleep(ms);
      said.push(`${name} ends ${stage}`);
    });

  it('overtake nothing within a stage, and are in different stages at the same time', async () => {
    const lane = new Lane();
    const said: string[] = [];
    const through = (name: string, ms: number) =>
      lane.run(async (turn) => {
        for (const stage of ['place', 'record', 'follow'] as const) await step(said, turn, stage, name, ms);
      });
    await Promise.all([through('a', 30), through('b', 1), through('c', 1)]);
    for (const stage of ['place', 'record', 'follow']) {
      const order = said.filter((text) => text.endsWith(` ${stage}`)).map((text) => text.split(` ${stage}`)[0]);
      expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    }
    expect(said.indexOf('b begins place')).toBeLessThan(said.indexOf('a ends record'));
  });

  it('that leave a stage out let nobody behind them in before those ahead have left it', async () => {
    const lane = new Lane();
    const said: string[] = [];
    await Promise.all([
      lane.run((turn) => step(said, turn, 'objects', 'a', 30)),
      lane.run((turn) => step(said, turn, 'place', 'b', 1)),
      lane.run((turn) => step(said, turn, 'objects', 'c', 1)),
    ]);
    expect(said.filter((text) => text.endsWith(' objects'))).toEqual([
      'a begins objects',
      'a ends objects',
      'c begins objects',
      'c ends objects',
    ]);
    expect(said.indexOf('b begins place')).toBeLessThan(said.indexOf('a ends objects'));
  });

  it('fail with the one ahead of them that failed, before they did what it left out', async () => {
    const lane = new Lane();
    const said: string[] = [];
    const failing = lane.run(async (turn) => {
      await step(said, turn, 'place', 'a', 1);
      await turn.stage('record', async () => {
        await sleep(20);
        throw new Error('The log is full.');
      });
    });
    const behind = ['b', 'c'].map((name) =>
      lane.run(async (turn) => {
        await step(said, turn, 'place', name, 1);
        await step(said, turn, 'record', name, 1);
      }),
    );
    for (const part of [failing, ...behind]) await expect(part).rejects.toThrow('The log is full.');
    expect(said.filter((text) => text.endsWith(' record'))).toEqual([]);
    await expect(lane.run((turn) => turn.stage('place', () => 1))).resolves.toBe(1);
    await expect(lane.run((turn) => turn.stage('record', () => 1))).rejects.toThrow('The log is full.');
  });
});
