import { setTimeout as sleep } from 'node:timers/promises';
import { contextFromHeaders, currentContext, currentCorrelationId, runInContext } from './request-context.js';

describe('contextFromHeaders', () => {
  it('takes what it is given', () => {
    expect(contextFromHeaders({ 'x-correlation-id': 'order-7', 'x-actor': '%E7%8E%8B%E8%8A%B3' })).toEqual({
      correlationId: 'order-7',
      actor: { id: '王芳' },
    });
  });

  it('is anonymous with an id of its own otherwise', () => {
    const [one, other] = [contextFromHeaders({}), contextFromHeaders({})];
    expect(one.actor).toEqual({ id: 'anonymous' });
    expect(one.correlationId).toMatch(/^[0-9a-f-]{36}$/);
    expect(one.correlationId).not.toBe(other.correlationId);
  });

  it.each([
    ['x-correlation-id', 'two words'],
    ['x-correlation-id', 'x'.repeat(129)],
    ['x-correlation-id', ''],
    ['x-actor', '%zz'],
    ['x-actor', '%0aforged'],
    ['x-actor', ' '],
    ['x-actor', 'x'.repeat(129)],
  ])('refuses %s: "%s"', (header, value) => {
    expect(() => contextFromHeaders({ [header]: value })).toThrow(
      expect.objectContaining({ code: 'INVALID_HEADER', kind: 'invalid' }),
    );
  });
});

describe('runInContext', () => {
  it('holds across what is awaited and does not leak into what runs beside it', async () => {
    const seen = await Promise.all(
      ['a', 'b'].map((correlationId) =>
        runInContext({ actor: { id: correlationId }, correlationId }, async () => {
          await sleep(5);
          return [currentContext().actor.id, currentCorrelationId()];
        }),
      ),
    );
    expect(seen).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ]);
    expect(currentCorrelationId()).toBeUndefined();
    expect(currentContext().actor.id).toBe('anonymous');
  });
});
