import { Injectable, Logger } from '@nestjs/common';

/** Where defects go that a caller is told of only by an id. */
@Injectable()
export class ImportLogger {
  private readonly logger = new Logger('Interchange');

  /** What could not be taken in, by code; what it was stands in the quarantine only. */
  readonly quarantined = (codes: Readonly<Record<string, number>>): void => {
    const records = Object.values(codes).reduce((sum, n) => sum + n, 0);
    this.logger.log(`${records} to quarantine.`, { event: 'QUARANTINED', records, codes });
  };

  readonly defect = (error: unknown, correlationId: string): void => {
    this.logger.error(error instanceof Error ? error : String(error), { event: 'DEFECT', correlationId });
  };
}
