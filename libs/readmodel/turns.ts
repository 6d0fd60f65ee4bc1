/** Lets one piece of work at a time pass, in the order of asking. */
export class Turns {
  private last: Promise<void> = Promise.resolve();

  /** Resolves when it is one's turn; call the returned function when done. */
  take(): Promise<() => void> {
    let done = () => {};
    const mine = new Promise<void>((resolve) => (done = resolve));
    const before = this.last;
    this.last = mine;
    return before.then(() => done);
  }
}
