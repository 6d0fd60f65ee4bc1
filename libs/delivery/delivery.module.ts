import { Module } from '@nestjs/common';
import { FeedController } from './feed.controller.js';
import { Feeds } from './feeds.js';
import { SchemasController } from './schemas.controller.js';

/** What goes out: the event feed, and the schemas by which others understand it. */
@Module({
  controllers: [FeedController, SchemasController],
  providers: [Feeds],
  exports: [Feeds],
})
export class DeliveryModule {}
