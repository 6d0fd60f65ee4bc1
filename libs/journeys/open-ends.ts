/**
 * Touchpoints that this process has recorded, or is about to, and from which not everything has followed yet, and doubts
 * that a person is settling. What it recorded and is not here is done with.
 */
export class OpenEnds {
  private readonly ends = new Map<string, 'at work' | 'broken off'>();

  /** Somebody records them and sees to what follows. */
  begin(touchpointIds: readonly string[]): void {
    for (const id of touchpointIds) this.ends.set(id, 'at work');
  }

  done(touchpointIds: readonly string[]): void {
    for (const id of touchpointIds) this.ends.delete(id);
  }

  /** Nobody sees to it any more. */
  brokenOff(touchpointIds: readonly string[]): void {
    for (const id of touchpointIds) if (this.ends.has(id)) this.ends.set(id, 'broken off');
  }

  of(touchpointId: string): 'at work' | 'broken off' | undefined {
    return this.ends.get(touchpointId);
  }
}
