import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { decodeCursor, encodeCursor, PageArgs, pageOf } from './paging.js';

const invalid = expect.objectContaining({ code: 'INVALID_CURSOR', kind: 'invalid' });

describe('cursors', () => {
  it('come back as they went, Unicode and null too', () => {
    const keys = ['抢修', 12.5, null];
    const cursor = encodeCursor('journeys', keys);
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(decodeCursor('journeys', cursor, ['string', 'number', 'string?'])).toEqual(keys);
  });

  const good = encodeCursor('journeys', ['a', 1]);
  it.each([
    ['nothing', ''],
    ['free text', 'hello'],
    ['signs that are not base64url', `${good}==`],
    ['a cut one', good.slice(0, -3)],
    ['one of another list', encodeCursor('events', ['a', 1])],
    ['too few keys', encodeCursor('journeys', ['a'])],
    ['too many keys', encodeCursor('journeys', ['a', 1, 2])],
    ['keys of another type', encodeCursor('journeys', [1, 'a'])],
    ['null where none may be', encodeCursor('journeys', [null, 1])],
    ['another version', Buffer.from(JSON.stringify([2, 'journeys', 'a', 1])).toString('base64url')],
    ['JSON that is no list', Buffer.from('{"a":1}').toString('base64url')],
    ['a very long one', encodeCursor('journeys', ['a'.repeat(13_000), 1])],
  ])('refuse %s', (_what, cursor) => {
    expect(() => decodeCursor('journeys', cursor, ['string', 'number'])).toThrow(invalid);
  });
});

describe('pageOf', () => {
  const of = (rows: number[], first: number, after?: string) =>
    pageOf(
      rows,
      { first, after },
      (n) => `c${n}`,
      (n) => ({ n }),
    );

  it('keeps the row too many to itself', () => {
    expect(of([1, 2, 3], 2)).toEqual({
      edges: [
        { cursor: 'c1', node: { n: 1 } },
        { cursor: 'c2', node: { n: 2 } },
      ],
      pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: 'c1', endCursor: 'c2' },
    });
  });

  it('says when a page is the last, and that it was not the first', () => {
    expect(of([3], 2, 'c2').pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: true,
      startCursor: 'c3',
      endCursor: 'c3',
    });
    expect(of([], 2).pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: false,
      startCursor: null,
      endCursor: null,
    });
  });
});

describe('PageArgs', () => {
  const faults = (args: object) => validateSync(plainToInstance(PageArgs, args)).map((e) => e.property);

  it.each([{ first: 1 }, { first: 1000, after: 'x' }, {}])('accepts %j', (args) => expect(faults(args)).toEqual([]));
  it('reads a null cursor as none', () => {
    expect(plainToInstance(PageArgs, { first: 1, after: null })).toEqual({ first: 1 });
  });

  it.each([{ first: 0 }, { first: -1 }, { first: 1001 }, { first: 1.5 }])('refuses %j', (args) =>
    expect(faults(args)).toEqual(['first']),
  );
});
