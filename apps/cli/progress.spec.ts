import { Output } from './output.js';
import { Progress } from './progress.js';
import { Kept } from './testing.js';

const step = (done: number, label = 'Reading') => ({ label, done, total: 100, detail: `${done} B` });

describe('progress on a terminal', () => {
  it('draws over itself, not more often than an eye can follow', () => {
    const sink = new Kept(true, 60);
    let now = 0;
    const progress = new Progress(sink, { now: () => now });
    progress.show(step(0));
    now = 50;
    progress.show(step(20));
    now = 120;
    progress.show(step(50));
    progress.show(step(100));
    const drawn = sink.text.split('\r\x1b[K').slice(1);
    expect(drawn).toEqual([
      `Reading    ${'░'.repeat(24)} 0.0 %  0 B`,
      `Reading    ${'█'.repeat(12)}${'░'.repeat(12)} 50.0 %  50 B`,
      `Reading    ${'█'.repeat(24)} 100.0 %  100 B`,
    ]);
  });

  it('never breaks the line', () => {
    const sink = new Kept(true, 30);
    new Progress(sink).show({ label: 'Appending', done: 1, total: 2, detail: 'a very long story' });
    expect(sink.text.replace('\r\x1b[K', '')).toHaveLength(29);
  });

  it('makes room for what is printed', () => {
    const [out, err] = [new Kept(true), new Kept(true)];
    const output = new Output(out, err);
    const progress = output.progress();
    progress.show(step(10));
    output.note('mind');
    expect(err.text).toMatch(/10 B\r\x1b\[Kmind\n$/);
    progress.done();
    expect(err.text).toMatch(/mind\n$/);
  });
});

describe('progress elsewhere', () => {
  it('is a line at the start of each part, and every few seconds', () => {
    const sink = new Kept();
    let now = 0;
    const progress = new Progress(sink, { now: () => now });
    for (now = 0; now < 11_000; now += 1_000) progress.show(step(now / 200));
    progress.show(step(1, 'Appending'));
    expect(sink.text).toBe(
      'Reading: 0.0 %, 0 B\nReading: 25.0 %, 25 B\nReading: 50.0 %, 50 B\nAppending: 1.0 %, 1 B\n',
    );
  });

  it('says nothing at all when it is told so', () => {
    const sink = new Kept(true);
    const progress = new Progress(sink, { silent: true });
    progress.show(step(50));
    progress.done();
    expect(sink.text).toBe('');
  });

  it('does without a total', () => {
    const sink = new Kept();
    new Progress(sink).show({ label: 'Rebuilding', done: 7, detail: '7 events' });
    expect(sink.text).toBe('Rebuilding: 7 events\n');
  });
});
