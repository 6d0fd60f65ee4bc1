import { configFlags, describeSettings, readConfig } from './config.js';
import { isLoopback } from './setting-values.js';

const faultOf = (env: Record<string, string>, flags: Record<string, unknown> = {}) => {
  try {
    readConfig(env, flags);
  } catch (error) {
    return error as { code: string; message: string; details: { faults: string[] } };
  }
  throw new Error('It was accepted.');
};

describe('readConfig', () => {
  it('has a default for everything but the clock and a log elsewhere', () => {
    expect(readConfig({})).toEqual({
      dataDir: './data',
      roles: ['api', 'projector', 'clock', 'delivery'],
      port: 4000,
      host: '127.0.0.1',
      timeZone: 'UTC',
      historyOpen: false,
      logLevel: 'info',
      logFormat: 'text',
      readWorkers: 2,
      readMemoryMb: 200,
      graphqlMaxDepth: 12,
      graphqlMaxCost: 100_000,
      readyMaxLagMs: 10_000,
      slowQueryMs: 1_000,
      shutdownMs: 10_000,
      feedMaxOpen: 100,
      feedSlowMs: 30_000,
      socketPingMs: 15_000,
      intakeMaxStreams: 256,
      intakeIdleMs: 60_000,
    });
  });

  it('lets a flag win over the environment and an empty variable count as absent', () => {
    const env = { PORT: '5000', DATA_DIR: '', LOG_LEVEL: 'debug', CLOCK_AT: '2024-05-01T08:00:00+08:00' };
    expect(readConfig(env, { port: '0' })).toMatchObject({
      port: 0,
      dataDir: './data',
      logLevel: 'debug',
      clockAt: '2024-05-01T08:00:00+08:00',
    });
  });

  it('takes the address of an EventStoreDB, and never repeats what is wrong with it', () => {
    const url = 'kurrentdb://admin:secret@db.example.org:2113?tls=true';
    expect(readConfig({ EVENT_LOG_URL: url }).eventLogUrl).toBe(url);
    expect(readConfig({ EVENT_LOG_URL: '' }).eventLogUrl).toBeUndefined();
    const { message, details } = faultOf({ EVENT_LOG_URL: 'postgres://admin:secret@db' });
    expect(details.faults).toEqual([
      expect.stringMatching(/^EVENT_LOG_URL is no address of an event log: .*esdb:\/\//),
    ]);
    expect(message).not.toContain('secret');
  });

  it('takes the address of a PostgreSQL, and never repeats what is wrong with it', () => {
    const url = 'postgres://me:secret@db:5432/house?schema=trial';
    expect(readConfig({ READ_STORE_URL: url }).readStoreUrl).toBe(url);
    const { message, details } = faultOf({}, { 'read-store': 'esdb://me:secret@db' });
    expect(details.faults).toEqual([
      expect.stringMatching(/^--read-store is no address of a read store: .*postgres:\/\//),
    ]);
    expect(message).not.toContain('secret');
  });

  const shared = { EVENT_LOG_URL: 'esdb://db:2113?tls=false', READ_STORE_URL: 'postgres://db/house' };
  it.each([
    ['api', ['api']],
    [' delivery, api', ['api', 'delivery']],
    ['clock,delivery,projector,api', ['api', 'projector', 'clock', 'delivery']],
  ])('takes the roles "%s"', (text, roles) => {
    expect(readConfig({ ...shared, ROLES: text }).roles).toEqual(roles);
    expect(readConfig(shared, { roles: text }).roles).toEqual(roles);
  });

  it.each(['web', 'api,', ',', ' ', 'API', 'api,api', 'api projector'])('refuses the roles "%s"', (text) => {
    expect(faultOf({ ...shared, ROLES: text })).toMatchObject({
      code: 'CONFIG_INVALID',
      details: { faults: [expect.stringMatching(/^ROLES must name (roles out of|each role once)/)] },
    });
  });
  it('refuses no roles at all from a flag', () => {
    expect(faultOf(shared, { roles: '' }).code).toBe('CONFIG_INVALID');
  });

  it('leaves roles to others only where others reach the log and the read models', () => {
    const { EVENT_LOG_URL, READ_STORE_URL } = shared;
    expect(faultOf({ ROLES: 'api' })).toMatchObject({
      code: 'ROLES_NEED_SHARED_LOG',
      message: expect.stringMatching(/projector, clock, delivery.*EVENT_LOG_URL/) as unknown,
    });
    expect(faultOf({ ROLES: 'api,projector,clock', READ_STORE_URL }).code).toBe('ROLES_NEED_SHARED_LOG');
    expect(faultOf({ ROLES: 'projector', EVENT_LOG_URL })).toMatchObject({
      code: 'ROLES_NEED_READ_STORE',
      message: expect.stringContaining('READ_STORE_URL') as unknown,
    });
    expect(readConfig({ ROLES: 'api,projector,clock,delivery' }).roles).toHaveLength(4);
    expect(readConfig({ READ_STORE_URL }).readStoreUrl).toBe(READ_STORE_URL);
  });

  it('takes true and false alone for what is either', () => {
    expect(readConfig({ HISTORY_OPEN: 'true' }).historyOpen).toBe(true);
    expect(readConfig({}, { 'history-open': 'false' }).historyOpen).toBe(false);
    const { faults } = faultOf({ HISTORY_OPEN: '1' }).details;
    expect(faults).toEqual(['HISTORY_OPEN must be one of true, false; got "1"']);
  });

  it('names every setting to mend, at once', () => {
    const fault = faultOf({ PORT: '70000', LOG_LEVEL: 'loud', CLOCK_AT: '2024-05-01' }, { 'read-workers': '0' });
    expect(fault.code).toBe('CONFIG_INVALID');
    expect(fault.details.faults).toEqual([
      'PORT must be a whole number from 0 to 65535; got "70000"',
      'CLOCK_AT must be an instant with a zone, such as 2024-05-01T08:00:00+08:00; got "2024-05-01"',
      'LOG_LEVEL must be one of error, warn, info, debug; got "loud"',
      '--read-workers must be a whole number from 1 to 64; got "0"',
    ]);
  });

  it('calls a time zone by one name', () => {
    expect(readConfig({ TIME_ZONE: 'asia/shanghai' }).timeZone).toBe('Asia/Shanghai');
    expect(readConfig({}, { 'time-zone': 'PRC' }).timeZone).toBe('Asia/Shanghai');
  });

  it.each(['Asia/Nowhere', '+08:00', 'China', ' UTC', ' '])('knows no time zone "%s"', (zone) => {
    const { faults } = faultOf({ TIME_ZONE: zone }).details;
    expect(faults).toEqual([
      `TIME_ZONE must be the IANA name of a time zone, such as Asia/Shanghai or UTC; got "${zone}"`,
    ]);
  });

  it.each(['-1', '1.5', '0x10', ' 80', '1e3', ''])('takes no port like "%s" from a flag', (port) => {
    expect(faultOf({}, { port }).code).toBe('CONFIG_INVALID');
  });

  it.each(['0.0.0.0', '::', '192.168.1.4', 'example.com', '127.0.0.1.example.com', 'localhost.example.com'])(
    'refuses to listen on %s',
    (host) => expect(faultOf({ HOST: host }).code).toBe('ADDRESS_NOT_LOOPBACK'),
  );

  it.each(['127.0.0.1', '127.8.9.1', 'localhost', 'LOCALHOST', '::1', '[::1]', 'demo.localhost'])(
    'knows %s as loopback',
    (host) => expect(isLoopback(host)).toBe(true),
  );

  it('describes every flag', () => {
    const text = describeSettings();
    for (const flag of Object.keys(configFlags)) expect(text).toContain(`--${flag} `);
  });
});
