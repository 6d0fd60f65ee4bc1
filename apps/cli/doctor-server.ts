import type { Api } from './api.js';
import { leaseFindings, type LeaseFacts } from './doctor-engines.js';
import { fail, findingsOf, note, ok, reasonOf, warn, type Finding } from './doctor-findings.js';
import { get, jsonOf } from './http.js';
import type { Projection } from './projections.command.js';
import { counted, duration } from './text.js';

type ServerProjection = Pick<Projection, 'group' | 'generation' | 'state' | 'lag' | 'parked' | 'cause'>;

export interface ServerPolicy {
  readonly name: string;
  readonly state: 'LIVE' | 'WAITING' | 'FAILED';
  readonly due: number | null;
  readonly failing: number;
  readonly lag: number;
  readonly lastError: { readonly code: string; readonly message: string } | null;
}

/** A read model that is behind for longer is worth a word, in ms. */
const LONG_MS = 10_000;

/** What a running server says of itself. Every question stands alone: one that fails takes no other with it. */
export async function serverFindings(api: Api): Promise<Finding[]> {
  const found = await readyFindings(api);
  if (found.some(({ code, level }) => code === 'SERVER' && level === 'fail')) return found;
  const questions: [string, () => Promise<Finding[]>][] = [
    ['PROJECTION', async () => projectionFindings((await api.ask<{ projections: ServerProjection[] }>(PROJECTIONS)).projections)], // prettier-ignore
    ['POLICY', async () => policyFindings((await api.ask<{ policies: ServerPolicy[] }>(POLICIES)).policies)],
    ['QUARANTINE', async () => [quarantineFinding((await api.ask<{ quarantine: { totalCount: number } }>(QUARANTINE)).quarantine.totalCount)]], // prettier-ignore
    ['LEASE', () => leasesOf(api)],
  ];
  for (const [code, ask] of questions) found.push(...(await findingsOf(code, ask)));
  return found;
}

const PROJECTIONS = '{ projections { group generation state lag parked cause } }';
const POLICIES = '{ policies { name state due failing lag lastError { code message } } }';
const QUARANTINE = '{ quarantine(first: 1) { totalCount } }';
const LEASES = '{ leases { name holder isCurrent } }';

async function readyFindings(api: Api): Promise<Finding[]> {
  try {
    const answer = await get({ url: new URL('/health/ready', api.url), headers: api.headers(), signal: api.signal });
    const { status, reasons = [] } = (await jsonOf(answer)) as { status?: string; reasons?: string[] };
    if (status === 'ready') return [ok('SERVER', `${api.url} is ready.`)];
    return reasons.map((reason) => warn('SERVER_NOT_READY', reason));
  } catch (error) {
    return [fail('SERVER', reasonOf(error))];
  }
}

export function projectionFindings(projections: readonly ServerProjection[]): Finding[] {
  return projections.flatMap(({ group, generation, state, lag, parked, cause }) => {
    const why = cause === null ? '' : ` ${cause}`;
    const found: Finding[] = [];
    if (state === 'FAILED')
      found.push(fail('PROJECTION_FAILED', `The read model ${group} cannot go on.${why} See \`touchstone projections\`; \`touchstone rebuild ${group}\` makes it anew.`)); // prettier-ignore
    else if (state === 'STALLED')
      found.push(fail('PROJECTION_STALLED', `The read model ${group} has been behind for ${duration(lag)} and does not move.${why}`)); // prettier-ignore
    else if (lag > LONG_MS)
      found.push(warn('PROJECTION_LAGS', `The read model ${group} is ${duration(lag)} behind the log and moving: ask again, and give it more time or a faster disk if that stays.${why}`)); // prettier-ignore
    else found.push(ok('PROJECTION', `${group} (${generation}) ${lag === 0 ? 'is at the head' : `is ${duration(lag)} behind`}.`)); // prettier-ignore
    if (parked > 0)
      found.push(warn('PARKED', `${group} has set ${counted(parked, 'event')} aside: see \`touchstone park list\`, mend the cause, then retry or skip.`)); // prettier-ignore
    return found;
  });
}

export function policyFindings(policies: readonly ServerPolicy[]): Finding[] {
  return policies.map(({ name, state, due, failing, lag, lastError }) => {
    const why = lastError === null ? '' : ` ${lastError.code}: ${lastError.message}`;
    if (state === 'FAILED' || failing > 0)
      return fail('POLICY_FAILING', `The policy ${name} cannot record ${failing > 0 ? `${failing} of what is due` : 'what it decides'}; it tries again by itself.${why}`); // prettier-ignore
    if (state === 'WAITING')
      return note('POLICY_WAITING', `The policy ${name} waits for the read models, or for the end of a historical load.${why}`); // prettier-ignore
    if (lag > LONG_MS)
      return warn('POLICY_LAGS', `The policy ${name} has had something due for ${duration(lag)} (${due ?? 'an unknown number'}).`); // prettier-ignore
    return ok('POLICY', `${name} is up to date.`);
  });
}

export const quarantineFinding = (count: number): Finding =>
  count === 0
    ? ok('QUARANTINE', 'Nothing waits in the quarantine.')
    : warn('QUARANTINE', `${counted(count, 'record')} ${count === 1 ? 'waits' : 'wait'} in the quarantine: see \`touchstone quarantine list\`, before they expire.`); // prettier-ignore

/** Who does what only one process may do; a server that knows no leases has nothing to say. */
async function leasesOf(api: Api): Promise<Finding[]> {
  try {
    return leaseFindings((await api.ask<{ leases: LeaseFacts[] }>(LEASES)).leases);
  } catch (error) {
    if (['GRAPHQL_VALIDATION_FAILED', 'INVALID_QUERY'].includes(String((error as { code?: unknown }).code))) return [];
    throw error;
  }
}
