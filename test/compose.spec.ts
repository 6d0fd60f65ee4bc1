import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { describeSettings, readConfig } from '@touchstone/platform';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (name: string) => readFileSync(`${root}${name}`, 'utf8');

interface Service {
  readonly build?: string;
  readonly image?: string;
  readonly profiles?: readonly string[];
  readonly environment: Record<string, string>;
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
  readonly network_mode?: string;
  readonly healthcheck: { readonly test: readonly string[] };
  readonly depends_on?: Record<string, { readonly condition: string }>;
}

const file = parse(read('docker-compose.yml'), { merge: true }) as {
  name?: string;
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const all = Object.entries(file.services);
const ours = all.filter(([, { build }]) => build !== undefined);
const known = new Set(describeSettings().match(/\b[A-Z][A-Z_]+\b/g));

describe('docker-compose.yml', () => {
  it('has two api, one projector and the engines, once plain and once clustered', () => {
    expect(file.name).toBeUndefined();
    const named = (inProfile: boolean) =>
      all.filter(([, { profiles }]) => (profiles !== undefined) === inProfile).map(([name]) => name);
    expect(named(false).sort()).toEqual(['api-1', 'api-2', 'eventstore', 'postgres', 'projector']);
    expect(named(true).sort()).toEqual(
      ['api-cluster-1', 'api-cluster-2', 'eventstore-1', 'eventstore-2', 'eventstore-3', 'postgres-cluster', 'projector-cluster'], // prettier-ignore
    );
    for (const [name, { profiles }] of all) expect([name, profiles ?? ['cluster']]).toEqual([name, ['cluster']]);
  });

  it('gives each process its roles, by settings that exist', () => {
    for (const [name, { environment }] of ours) {
      const roles = name.startsWith('api') ? 'api,delivery' : 'projector,clock';
      expect([name, environment['ROLES']]).toEqual([name, roles]);
      const unknown = Object.keys(environment).filter((variable) => !known.has(variable));
      // Where the configuration knows of roles, it has to take all of them as they stand here.
      if (known.has('ROLES')) {
        expect([name, unknown]).toEqual([name, []]);
        expect(readConfig(environment)).toMatchObject({ roles: expect.arrayContaining(roles.split(',')) as unknown });
      } else {
        expect([name, unknown.sort()]).toEqual([name, ['READ_STORE_URL', 'ROLES']]);
        expect(readConfig(environment).eventLogUrl).toBe(environment['EVENT_LOG_URL']);
      }
    }
    const images = new Set(ours.map(([, { build, image }]) => `${build} ${image}`));
    expect([...images]).toEqual(['. touchstone']);
  });

  it('lets nobody share a port or a data directory, and keeps everything on this machine', () => {
    const ports = [
      ...ours.map(([, { environment }]) => environment['PORT']!),
      ...all.flatMap(([, { ports: published = [] }]) => published.map((port) => port.split(':').at(-2)!)),
      ...all.flatMap(([, { environment: e }]) => [e['KURRENTDB_NODE_PORT'], e['KURRENTDB_REPLICATION_PORT']].flatMap((p) => p ?? [])), // prettier-ignore
    ];
    expect(new Set(ports).size).toBe(ports.length);
    const volumes = all.flatMap(([, { volumes: mounted }]) => mounted.map((volume) => volume.split(':')[0]!));
    expect(new Set(volumes).size).toBe(volumes.length);
    expect(volumes.sort()).toEqual(Object.keys(file.volumes).sort());
    for (const [name, { ports: published = [] }] of all)
      for (const port of published) expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:/)]);
    // A published port would not reach a loopback.
    for (const [name, { network_mode: network, ports: published }] of ours)
      expect([name, network, published]).toEqual([name, 'host', undefined]);
  });

  it('starts a process once its engines are well, and says how each is', () => {
    for (const [name, { healthcheck, depends_on: needs = {} }] of all) {
      expect([name, healthcheck.test[0]]).toEqual([name, 'CMD']);
      for (const [needed, { condition }] of Object.entries(needs))
        expect([name, needed in file.services, condition]).toEqual([name, true, 'service_healthy']);
    }
    for (const [name, { healthcheck, depends_on: needs = {}, environment, profiles }] of ours) {
      expect([name, healthcheck.test]).toEqual([name, ['CMD', 'node', 'scripts/health.js', 'ready']]);
      // Every engine that it is told of is waited for, and it is told of no other.
      const clustered = profiles !== undefined;
      const engines = clustered ? ['eventstore-1', 'eventstore-2', 'eventstore-3', 'postgres-cluster'] : ['eventstore', 'postgres']; // prettier-ignore
      expect([name, Object.keys(needs).sort()]).toEqual([name, engines]);
      const told = `${environment['EVENT_LOG_URL']} ${environment['READ_STORE_URL']}`.match(/(?<=127\.0\.0\.1:)\d+/g);
      const there = engines.map((engine) => {
        const { ports: published, environment: e } = file.services[engine]!;
        return e['KURRENTDB_NODE_PORT'] ?? published![0]!.split(':')[1];
      });
      expect([name, told]).toEqual([name, there]);
    }
  });
});

describe('the Dockerfile', () => {
  const text = read('Dockerfile');
  it('runs the compiled server as nobody special, with node alone', () => {
    const [build, runs] = text.split(/^FROM /m).slice(1);
    expect(build).toMatch(/^RUN npm ci$/m);
    expect(runs).toMatch(/npm ci --omit=dev --ignore-scripts/);
    expect(runs).toMatch(/^USER node$/m);
    expect(runs).toMatch(/^CMD \["node", "--max-semi-space-size=32", "apps\/server\/dist\/main\.js"\]$/m);
    expect(runs).toMatch(/^HEALTHCHECK .*CMD \["node", "scripts\/health\.js", "live"\]$/m);
    expect(runs).toMatch(/^STOPSIGNAL SIGTERM$/m);
    for (const [, name] of runs!.matchAll(/^COPY (?!--from)(\S+)/gm)) expect(existsSync(root + name!)).toBe(true);
    for (const [variable] of runs!.matchAll(/(?<=^ENV |^ {4})[A-Z_]+(?==)/gm))
      expect([variable, variable === 'NODE_ENV' || known.has(variable)]).toEqual([variable, true]);
  });

  it('is given no data, and nothing that was made elsewhere', () => {
    const ignored = read('.dockerignore').split('\n');
    for (const name of ['data*', '.git', '**/node_modules', '**/dist']) expect(ignored).toContain(name);
  });
});
