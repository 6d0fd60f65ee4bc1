/** Stages that the facts of a sender go through, part after part. */
const STAGES = ['place', 'record', 'follow', 'objects'] as const;
export type Stage = (typeof STAGES)[number];

/**
 * What one sender sends in parts, in its order: a part begins a stage once the part before it has ended that stage. So
 * nothing overtakes anything within a stage, and one part is placed while the one before it is being recorded.
 */
export class Lane {
  private last: Turn | null = null;

  /**
   * Does the work of the next part; it does what belongs to a stage by `turn.stage`, each at most once and in the order of
   * the stages. Where it fails those behind fail with it, for what was left out must not be overtaken.
   */
  async run<R>(work: (turn: LaneTurn) => Promise<R>): Promise<R> {
    const turn = (this.last = new Turn(this.last));
    try {
      const result = await work(turn);
      turn.end();
      return result;
    } catch (error) {
      turn.end(error);
      throw error;
    }
  }
}

/** The turn of one part in its lane. */
export interface LaneTurn {
  /** Does the work of a stage in its turn. @throws what an earlier part failed with, and what the work throws */
  stage<R>(stage: Stage, work: () => R | Promise<R>): Promise<R>;
}

class Turn implements LaneTurn {
  private readonly gates: Readonly<Record<Stage, Gate>> = {
    place: new Gate(),
    record: new Gate(),
    follow: new Gate(),
    objects: new Gate(),
  };
  /** Of `STAGES`: those before are done, or left out. */
  private next = 0;

  constructor(private before: Turn | null) {}

  async stage<R>(stage: Stage, work: () => R | Promise<R>): Promise<R> {
    const at = STAGES.indexOf(stage);
    this.leaveOutUpTo(at);
    this.next = at + 1;
    await this.before?.gates[stage].passed;
    const result = await work();
    this.gates[stage].open();
    return result;
  }

  /** Those behind go on, or with an error fail with it. */
  end(error?: unknown): void {
    if (error === undefined) this.leaveOutUpTo(STAGES.length);
    else for (const stage of STAGES) this.gates[stage].shut(error);
    // A long stream must not keep every turn that there was.
    this.before = null;
  }

  /** Those behind wait there for those before this one. */
  private leaveOutUpTo(end: number): void {
    for (const stage of STAGES.slice(this.next, end)) {
      const { open, shut } = this.gates[stage];
      if (this.before) this.before.gates[stage].passed.then(open, shut);
      else open();
    }
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
