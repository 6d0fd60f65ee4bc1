import { StructuredLogger } from './logger.js';
import type { LogFormat, LogLevel } from './config.js';
import { runInContext } from './request-context.js';

function recording(level: LogLevel, format: LogFormat) {
  const lines: string[] = [];
  const now = () => new Date('2024-05-01T00:00:00Z');
  return { lines, logger: new StructuredLogger({ level, format, now, write: (line) => lines.push(line) }) };
}

describe('StructuredLogger', () => {
  it('writes one JSON line with the correlation id of the request', () => {
    const { lines, logger } = recording('info', 'json');
    runInContext({ actor: { id: 'x' }, correlationId: 'c1' }, () => logger.log('Imported', { events: 3 }, 'Import'));
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        time: '2024-05-01T00:00:00.000Z',
        level: 'info',
        context: 'Import',
        message: 'Imported',
        correlationId: 'c1',
        events: 3,
      },
    ]);
    expect(lines[0]).toMatch(/^[^\n]+\n$/);
  });

  it('cannot be made to write a second line by what it is told, in JSON', () => {
    const { lines, logger } = recording('info', 'json');
    logger.log('one\n{"level":"error"}');
    expect(lines.join('').split('\n')).toHaveLength(2);
  });

  it('keeps the stack of an error, however Nest hands it over', () => {
    const { lines, logger } = recording('error', 'json');
    const error = new Error('broken');
    logger.error(error);
    logger.error('broken', error.stack, 'Router');
    const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, string>);
    expect(first).toMatchObject({ message: 'broken', stack: error.stack });
    expect(second).toMatchObject({ message: 'broken', context: 'Router', stack: error.stack });
  });

  it('leaves out what is below its level, and what Nest tells of its start', () => {
    const { lines, logger } = recording('info', 'text');
    logger.debug('fine print');
    logger.log('AppModule dependencies initialized', 'InstanceLoader');
    logger.warn('Slow', { ms: 12 });
    expect(lines).toEqual(['2024-05-01T00:00:00.000Z warn  Slow ms=12\n']);
  });
});
