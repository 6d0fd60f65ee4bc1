/** A house of several processes on one event log and one PostgreSQL, each of which may be killed at any moment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, type GraphqlAnswer } from './chaos.children.js';

/** Who is killed: one by its place in the house, others by what they have the lease of. */
export const VICTIMS = {
  api: null,
  projector: 'projection:journeys',
  policy: 'policy:rule-moments',
} as const;
export type Victim = keyof typeof VICTIMS;

/** A lease that has run out is another's within ten seconds, and then there is still something to be projected. */
const CAUGHT_UP_MS = 120_000;
const LOOK_MS = 200;

export interface Lease {
  readonly name: string;
  readonly holder: string;
  readonly epoch: number;
  readonly isCurrent: boolean;
}

/** How the read models stand, as the house says it. */
export interface Standing {
  readonly generation: string;
  readonly state: string;
  readonly checkpoint: string | null;
  readonly head: string | null;
  readonly parked: number;
  readonly skipped: number;
}

/** Most of what a process costs here is its start: one thread that reads is enough, and no developer is watching. */
export const LEAN = { READ_WORKERS: '1', NODE_ENV: 'production' } as const;

/** A place in the house: a process, and after its death the next one. */
interface Place {
  readonly roles: string;
  directory: string;
  server: Server;
}

/** One process that answers, and two or more of which one projects and decides at a time. */
export class PairHouse {
  private readonly root = mkdtempSync(join(tmpdir(), 'touchstone-pair-'));
  private readonly places: Place[] = [];

  private constructor(private readonly env: Readonly<Record<string, string>>) {}

  static async start(env: Readonly<Record<string, string>>, projectors = 2): Promise<PairHouse> {
    const house = new PairHouse(env);
    try {
      const roles = ['api,delivery', ...Array.from({ length: projectors }, () => 'projector,clock')];
      await Promise.all(roles.map((role, n) => house.open(role, n)));
      await house.answering();
      return house;
    } catch (error) {
      await house.remove();
      throw error;
    }
  }

  /** The process that answers now; another one after it was killed. */
  get api(): Server {
    return this.places[0]!.server;
  }

  get members(): readonly Server[] {
    return this.places.map(({ server }) => server);
  }

  /**
   * Kills one with -9 and answers how to start the next one in its place, on the same disk or elsewhere. With `thawedMs`
   * it stands still before, until another one has taken its lease over, then goes on for so long with what it had in hand.
   */
  async kill(
    victim: Victim,
    thawedMs: number | null = null,
  ): Promise<{ restart(isElsewhere: boolean): Promise<void> }> {
    const place = await this.placeOf(victim);
    const { server } = place;
    if (thawedMs !== null) {
      server.signal('SIGSTOP');
      await this.placeOf(victim, server);
      server.signal('SIGCONT');
      await sleep(thawedMs);
    }
    await server.kill();
    return {
      restart: async (isElsewhere) => {
        // Spools and exports of before are on another machine.
        if (isElsewhere) place.directory = mkdtempSync(join(this.root, 'elsewhere-'));
        place.server = await this.begin(place.roles, place.directory);
      },
    };
  }

  /** Asks the one that answers. @throws when it refuses or is not there */
  // Tests know what they asked for.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async ask(query: string, variables: object = {}): Promise<any> {
    const answer: GraphqlAnswer | null = await this.api.ask(query, variables);
    if (answer === null) throw new Error('The process that answers is gone.');
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer.data;
  }

  async leases(): Promise<Lease[]> {
    return (await this.ask('{ leases { name holder epoch isCurrent } }')).leases as Lease[];
  }

  /** Records in quarantine. */
  async quarantined(): Promise<number> {
    return (await this.ask('{ quarantine { totalCount } }')).quarantine.totalCount as number;
  }

  /** Waits until nothing is to be projected or decided any more, and answers where the read models stand then. */
  async caughtUp(): Promise<Standing> {
    let last: unknown;
    let before = '';
    for (const from = performance.now(); performance.now() - from < CAUGHT_UP_MS; await sleep(LOOK_MS)) {
      const standing = await this.standing();
      const due = await this.due();
      last = { standing, due };
      const isAtHead =
        standing.state === 'LIVE' && standing.checkpoint !== null && standing.checkpoint === standing.head;
      const isDecided = due['rule-moments'] === 0 && due['follow-ups'] === 0;
      // What was decided between the two questions moves the head.
      if (isAtHead && isDecided && standing.checkpoint === before) return standing;
      before = isAtHead && isDecided ? standing.checkpoint : '';
    }
    throw new Error(`The house does not catch up: ${JSON.stringify(last)}\n${this.printed()}`);
  }

  /** Warnings and errors of the processes that live. */
  printed(): string {
    return this.places.map(({ roles, server }) => `${roles} (${server.pid}): ${server.printed}`).join('\n');
  }

  async remove(): Promise<void> {
    await Promise.all(this.members.map((server) => server.kill()));
    rmSync(this.root, { recursive: true, force: true });
  }

  private async open(roles: string, n: number): Promise<void> {
    const directory = join(this.root, String(n));
    this.places[n] = { roles, directory, server: await this.begin(roles, directory) };
  }

  private begin(roles: string, directory: string): Promise<Server> {
    return Server.start(directory, { ...this.env, ...LEAN, ROLES: roles });
  }

  /** Who has what the victim has, waited for; not the one that is named. */
  private async placeOf(victim: Victim, otherThan?: Server): Promise<Place> {
    const lease = VICTIMS[victim];
    if (lease === null) return this.places[0]!;
    for (const from = performance.now(); performance.now() - from < CAUGHT_UP_MS; await sleep(LOOK_MS)) {
      const held = (await this.leases()).find(({ name, isCurrent }) => name === lease && isCurrent);
      const place = held && this.places.find(({ server }) => held.holder.includes(`/${server.pid}/`));
      if (place && place.server !== otherThan) return place;
    }
    throw new Error(`Nobody has the lease ${lease}.\n${this.printed()}`);
  }

  private async standing(): Promise<Standing> {
    const { projections } = await this.ask('{ projections { generation state checkpoint head parked skipped } }');
    return projections[0] as Standing;
  }

  /** What each policy still has to decide, as the process that runs it says; of a policy that nobody runs, nothing. */
  private async due(): Promise<Record<string, number>> {
    const texts = await Promise.all(
      this.members.map(({ url }) =>
        // The last one that was killed has nobody in its place.
        fetch(`${url}/metrics`).then(
          (answer) => answer.text(),
          () => '',
        ),
      ),
    );
    const lines = texts.join('\n').matchAll(/^touchstone_policy_due\{policy="([^"]+)"\} (\d+)$/gm);
    return Object.fromEntries([...lines].map(([, name, due]) => [name!, Number(due)]));
  }

  private async answering(): Promise<void> {
    for (const { url } of this.members) {
      for (const from = performance.now(); !(await fetch(`${url}/health/ready`)).ok; await sleep(LOOK_MS)) {
        if (performance.now() - from > CAUGHT_UP_MS) throw new Error(`${url} is never ready.\n${this.printed()}`);
      }
    }
  }
}
