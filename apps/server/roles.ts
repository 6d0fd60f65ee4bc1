import { TouchstoneError } from '@touchstone/eventing';
import { ROLES, type Role } from '@touchstone/platform';

/** What every process answers, whatever its roles. */
const ALWAYS = ['/health/', '/metrics'];
/** What whoever reads the event feed needs. */
const OF_DELIVERY = ['/feed', '/schemas', '/asyncapi'];

/** Which role answers a path; null: every process does. GraphQL over a socket is looked at operation by operation. */
export function roleOfPath(url: string): Role | null {
  const path = url.split('?')[0]!;
  if (ALWAYS.some((start) => path === start || path.startsWith(start))) return null;
  return OF_DELIVERY.some((start) => path === start || path.startsWith(`${start}/`) || path.startsWith(`${start}.`))
    ? 'delivery'
    : 'api';
}

/** Which role answers an operation over a socket. */
export const roleOfOperation = (operation: string | undefined): Role =>
  operation === 'subscription' ? 'delivery' : 'api';

export function notServedHere(role: Role, roles: readonly Role[]): TouchstoneError {
  const has = ROLES.filter((other) => roles.includes(other)).join(', ');
  return new TouchstoneError(
    'ROLE_NOT_HERE',
    `This process has the roles ${has}: ask one that has the role ${role}.`,
    'notFound',
    { role, roles: [...roles] },
  );
}
