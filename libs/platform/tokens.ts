/** Injection tokens of what is known by an interface only; classes (`Kernel`, `EventRegistry` …) are their own tokens. */
export const EVENT_LOG = Symbol('EventLog');
export const VAULT = Symbol('Vault');
export const CLOCK = Symbol('Clock');
export const CONFIG = Symbol('Config');
/** What runs read queries (`Reads`). */
export const READS = Symbol('Reads');
