import { Inject, Injectable } from '@nestjs/common';
import { Forgetting } from '@touchstone/journeys';
import { RunningImports } from './running-imports.js';

/** Tells the forgetting of what lies here: records in quarantine, interrupted imports. */
@Injectable()
export class ForgettingPlaces {
  constructor(
    @Inject(Forgetting) private readonly forgetting: Forgetting,
    @Inject(RunningImports) private readonly imports: RunningImports,
  ) {}

  onModuleInit(): void {
    this.forgetting.reaches(this.imports);
  }
}
