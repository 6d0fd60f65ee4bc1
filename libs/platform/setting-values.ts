/** How the texts of settings are read, and what is said of those that cannot be. */
import { esdbAddress, isInstant, postgresAddress, TouchstoneError } from '@touchstone/eventing/pure';

/** What is wrong with the text of a setting, to go behind its name. */
export class Fault extends Error {}

export const integer = (min: number, max: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new Fault(`must be a whole number from ${min} to ${max}`);
  return value;
};

export const oneOf =
  <T extends string>(values: readonly T[]) =>
  (text: string): T => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw new Fault(`must be one of ${values.join(', ')}`);
    return found;
  };

export const instant = (text: string) => {
  if (!isInstant(text)) throw new Fault('must be an instant with a zone, such as 2024-05-01T08:00:00+08:00');
  return text;
};

/** The zone's canonical name, so that two spellings of one zone are one setting. */
export const timeZone = (text: string) => {
  const advice = 'must be the IANA name of a time zone, such as Asia/Shanghai or UTC';
  // An offset is no zone: it knows nothing of summer time, and not every version of Node takes it.
  if (!/^[A-Za-z]/.test(text)) throw new Fault(advice);
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new Fault(advice);
  }
};

export const path = (text: string) => {
  if (text.trim() === '' || text.includes('\0')) throw new Fault('must be the path of a directory');
  return text;
};

export const logAddress = (text: string) => {
  try {
    esdbAddress(text);
  } catch (error) {
    throw new Fault(`is no address of an event log: ${(error as Error).message}`);
  }
  return text;
};

export const storeAddress = (text: string) => {
  try {
    postgresAddress(text);
  } catch (error) {
    throw new Fault(`is no address of a read store: ${(error as Error).message}`);
  }
  return text;
};

/** True for a name or address that only this machine can reach: `localhost`, 127.0.0.0/8, `::1`. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '::1' ||
    /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.test(name)
  );
}

/** @throws ADDRESS_NOT_LOOPBACK (refused) */
export function loopback(host: string): string {
  if (isLoopback(host)) return host;
  throw new TouchstoneError(
    'ADDRESS_NOT_LOOPBACK',
    `"${host}" can be reached from outside and nobody would be asked who they are: listen on 127.0.0.1 or ::1 until access control is configured.`,
    'refused',
    { host },
  );
}
