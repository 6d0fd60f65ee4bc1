import type { Type } from '@nestjs/common';
import { DeliveryModule } from '@touchstone/delivery';
import { InterchangeModule } from '@touchstone/interchange';
import { JourneysModule } from '@touchstone/journeys';

/** The feature modules of this server. */
export const features: readonly Type[] = [JourneysModule, InterchangeModule, DeliveryModule];
