import { esdbAddress } from './esdb-address.js';

const TAIL = 'maxDiscoverAttempts=1000000000';

describe('the address of an EventStoreDB', () => {
  it.each([
    ['esdb://localhost:2113?tls=false', `esdb://localhost:2113?tls=false&${TAIL}`],
    ['kurrentdb://localhost', `esdb://localhost?${TAIL}`],
    [
      'KurrentDB+Discover://db.example.org/?nodePreference=leader',
      `esdb+discover://db.example.org?nodePreference=leader&${TAIL}`,
    ],
    ['esdb://a:b%40c@n1:1,n2:2', `esdb://a:b%40c@n1:1,n2:2?${TAIL}`],
    ['esdb://h?throwOnAppendFailure=false&tls=true', `esdb://h?tls=true&${TAIL}`],
    ['esdb://h?maxDiscoverAttempts=5', 'esdb://h?maxDiscoverAttempts=5'],
  ])('%s is for the client %s', (text, connectionString) => {
    expect(esdbAddress(text).connectionString).toBe(connectionString);
  });

  it('is shown without credentials', () => {
    expect(esdbAddress('esdb://admin:secret@n1:2113,n2?tls=true').shown).toBe('esdb://n1:2113,n2');
  });

  it('asks the leader, unless other nodes are preferred', () => {
    expect(esdbAddress('esdb://h').requiresLeader).toBe(true);
    expect(esdbAddress('esdb://h?nodePreference=Leader').requiresLeader).toBe(true);
    expect(esdbAddress('esdb://h?nodePreference=follower').requiresLeader).toBe(false);
  });

  it.each([
    '',
    'localhost:2113',
    'http://h',
    'esdb://',
    'esdb://h:port',
    'esdb://h:1:2',
    'esdb://h?tls',
    'esdb://secret@h',
    'esdb://u:secret@',
    'esdb://a b',
  ])('refuses "%s" and repeats no password', (text) => {
    let message = '';
    try {
      esdbAddress(text);
    } catch (error) {
      expect(error).toMatchObject({ code: 'LOG_ADDRESS_INVALID', kind: 'invalid' });
      message = (error as Error).message;
    }
    expect(message).toMatch(/esdb:\/\//);
    expect(message).not.toMatch(/secret/);
  });
});
