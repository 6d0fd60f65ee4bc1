import type { HousePolicyStatus, PolicyStatus } from './policies.js';
import type { Queries } from './policy-checkpoint.js';

/** How often a process tells how a policy of its own stands; ms. */
export const TELL_EVERY_MS = 2_000;
/** How old what it told may be, in ms. */
const FRESH_MS = 8_000;

/** What is told of policies in the PostgreSQL that processes share. */
export class PublishedPolicies {
  constructor(private readonly store: Queries) {}

  /** What one of an earlier term still tells is not believed. */
  async tell(status: PolicyStatus, { epoch }: { readonly epoch: number }): Promise<void> {
    await this.store.query(
      `insert into policy_state as p (name, epoch, status, told_at) values ($1, $2, $3, clock_timestamp())
       on conflict (name) do update set epoch = excluded.epoch, status = excluded.status, told_at = excluded.told_at
       where p.epoch <= excluded.epoch`,
      [status.name, epoch, JSON.stringify(status)],
    );
  }

  /** @throws READ_STORE_UNREACHABLE (unavailable) */
  async of(name: string): Promise<HousePolicyStatus> {
    const [told] = await this.store.query<Told>(
      `select l.holder, p.status, (extract(epoch from clock_timestamp() - p.told_at) * 1000)::float8 as "ageMs"
       from (values ($1::text)) as wanted(name) left join policy_state p using (name)
         left join lease l on l.name = $2 and l.expires_at > clock_timestamp()`,
      [name, `policy:${name}`],
    );
    return statusOf(name, told!);
  }
}

interface Told {
  readonly holder: string | null;
  readonly status: PolicyStatus | null;
  readonly ageMs: number | null;
}

function statusOf(name: string, { holder, status, ageMs }: Told): HousePolicyStatus {
  if (status === null) {
    return { ...NOTHING_YET, name, holder, lastError: notRun(`No process has told yet how "${name}" stands`) };
  }
  const age = Math.round(ageMs!);
  if (age <= FRESH_MS) return { ...status, holder };
  const lastError = notRun(`No process has told for ${age} ms how "${name}" stands`);
  return { ...status, holder, state: 'waiting', lagMs: status.lagMs + age, lastError };
}

const NOTHING_YET: Omit<PolicyStatus, 'name' | 'lastError'> = {
  state: 'waiting',
  due: null,
  nextDue: null,
  decided: 0,
  failed: 0,
  failing: 0,
  lagMs: 0,
};

const notRun = (what: string) => ({
  code: 'POLICY_NOT_RUN',
  kind: 'unavailable' as const,
  message: `${what}: see that a process with the roles clock and projector runs.`,
});
