/** The class of a command, as the command bus wants it; `new RecordTouchpoint({...})` is all there is to it. */
export type CommandClass<P extends object = object> = new (payload: never) => P;

/**
 * Base of a command class:
 * `export class CloseJourney extends command<{ journeyId: string; reason: string }>() {}`
 */
export const command = <P extends object>() =>
  class {
    constructor(payload: Readonly<P>) {
      Object.assign(this, payload);
    }
  } as unknown as new (payload: Readonly<P>) => Readonly<P>;
