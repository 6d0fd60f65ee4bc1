import { Injectable, Logger } from '@nestjs/common';

/** Where defects go that a caller is told of only by an id. */
@Injectable()
export class ImportLogger {
  private readonly logger = new Logger('Interchange');

  readonly defect = (error: unknown, correlationId: string): void => {
    const stack = error instanceof Error ? error.stack : String(error);
    this.logger.error(`${correlationId}: ${stack ?? ''}`);
  };
}
