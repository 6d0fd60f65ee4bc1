/** The thread that keeps the read models up to the log. */
import { EventRegistry, openLogInThread } from '@touchstone/eventing/read';
import { runProjectorWorker } from '@touchstone/readmodel';
import { events, groupsIn } from './composition.js';
import type { ProjectorData } from './projections.js';

runProjectorWorker({
  groups: (data) => groupsIn((data as ProjectorData).timeZone),
  read: new EventRegistry(events).read,
  openLog: (data) => openLogInThread((data as ProjectorData).log),
});
