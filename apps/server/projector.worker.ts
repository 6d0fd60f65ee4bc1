/** The thread that keeps the read models up to the log. */
import { EventRegistry, openLogInThread } from '@touchstone/eventing/read';
import { runProjectorWorker } from '@touchstone/readmodel';
import { events, groupsIn } from './composition.js';
import type { ProjectorData } from './projections.js';

runProjectorWorker({
  groups: (data) => {
    const { timeZone, groups } = data as ProjectorData;
    return groupsIn(timeZone).filter(({ name }) => groups.includes(name));
  },
  read: new EventRegistry(events).read,
  openLog: (data) => openLogInThread((data as ProjectorData).log),
});
