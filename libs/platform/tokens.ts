/** Injection tokens of what is known by an interface only; classes (`Kernel`, `EventRegistry` …) are their own tokens. */
export const EVENT_LOG = Symbol('EventLog');
export const VAULT = Symbol('Vault');
export const CLOCK = Symbol('Clock');
export const CONFIG = Symbol('Config');
/** What runs read queries (`Reads`). */
export const READS = Symbol('Reads');
/** Where it is decided which process does what only one may do (`Leading`); null: this process is alone. */
export const LEADING = Symbol('Leading');
/** What processes share in PostgreSQL (`Queries`); null: nothing. */
export const SHARED_STORE = Symbol('SharedStore');
