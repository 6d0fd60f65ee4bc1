/** Stages that the facts of a sender go through, part after part. */
const STAGES = ['place', 'record', 'follow', 'objects'] as const;
export type Stage = (typeof STAGES)[number];

/**
 * What one sender sends in parts, in its order: a part begins a stage once the part before it has ended that stage. So
 * nothing overtakes anything within a stage, and one part is placed while the one before it is being recorded.
 */
export class Lane {
  private last: LaneTurn | null = null;

  /** The turn of the next part. Whoever has one ends it, whatever happens. */
  join(): LaneTurn {
    return (this.last = new LaneTurn(this.last));
  }
}

/** The turn of one part in its lane. */
export class LaneTurn {
  private readonly gates: Readonly<Record<Stage, Gate>> = {
    place: new Gate(),
    record: new Gate(),
    follow: new Gate(),
    objects: new Gate(),
  };

  constructor(private before: LaneTurn | null) {}

  /** Does the work of a stage in its turn. @throws what an earlier part failed with, and what the work throws */
  async stage<R>(stage: Stage, work: () => R | Promise<R>): Promise<R> {
    await this.before?.gates[stage].passed;
    const result = await work();
    this.gates[stage].open();
    return result;
  }

  /** Those behind go on; with an error they fail with it too, for what was left out must not be overtaken. */
  end(error?: unknown): void {
    const { before } = this;
    for (const stage of STAGES) {
      const gate = this.gates[stage];
      if (error !== undefined) gate.shut(error);
      else if (before === null) gate.open();
      // A stage that this part did not need: those behind it wait for those before it.
      else before.gates[stage].passed.then(gate.open, gate.shut);
    }
    // A long stream must not keep every turn that there was.
    this.before = null;
  }
}

/** Is opened, or shut for good, by whatever comes first. */
class Gate {
  readonly passed: Promise<void>;
  open!: () => void;
  shut!: (error: unknown) => void;

  constructor() {
    this.passed = new Promise((resolve, reject) => {
      this.open = resolve;
      this.shut = reject;
    });
    // Nobody need be behind.
    this.passed.catch(() => undefined);
  }
}
