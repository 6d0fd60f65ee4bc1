/**
 * What people noted about the made-up journeys: owners, handovers, moments of truth, expectations, ratings, reviews, and
 * a correction.
 * Lines of commands as the API has them, for a journey by its name and a touchpoint by its place in the trace. It throws
 * dice of its own, so that the log stays as it is when somebody notes more.
 */
import { createHash } from 'node:crypto';
import { dice, local } from './make-example-dice.js';

const { chance, pick, weighted } = dice(95_598);

const CALLS = ['Fault reported by phone', 'Asks again by phone', 'Reports it is back'];
const FOLLOW_UPS = ['Call-back', 'Confirmed in the app'];
const NOTES = [
  'Second floor, the meter is in the yard.',
  'Half of the house is dark; the fridge holds medicine.',
  'Smell of burning at the fuse box, asked to stay away from it.',
  'Dog in the yard; ring before entering.',
];
const PRAISE = {
  'POS-01': ['Let the caller finish and asked what mattered.', 'hotline'],
  'POS-02': ['Took the anger seriously.', 'hotline'],
  'POS-05': ['Took the matter on and gave a name.', 'hotline'],
  'POS-07': ['Said who comes, when, and what will be done.', 'crew'],
  'POS-09': ['Showed the cause before touching anything.', 'crew'],
};
const BLAME = {
  'NEG-01': ['Interrupted twice.', 'hotline'],
  'NEG-04': ['Asked what had been plugged in, as if that were to blame.', 'hotline'],
  'NEG-06': ['"You are not the only one."', 'hotline'],
  'NEG-07': ['Was sent from one desk to the next.', 'hotline'],
  'NEG-09': ['Would not begin before a form was signed.', 'crew'],
};
const codesOf = (list, where) => Object.keys(list).filter((code) => list[code][1] === where);

/** The same text gives the same id, so that a second run repeats and adds nothing. */
function idOf(text) {
  const hash = createHash('sha256').update(`fault-repairs/${text}`).digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-5${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
}

/** The commands about one journey, in the order in which they are given. */
class Care {
  constructor(journey) {
    this.journey = journey;
    this.lines = [];
  }
  say(command, input, touchpoint) {
    this.lines.push({ journey: this.journey.order, ...(touchpoint !== undefined && { touchpoint }), command, input });
  }
  place(...activities) {
    const found = this.journey.events.findIndex((event) => activities.includes(event.activity));
    return found < 0 ? undefined : found;
  }
  last(...activities) {
    const found = this.journey.events.findLastIndex((event) => activities.includes(event.activity));
    return found < 0 ? undefined : found;
  }
  at(place) {
    return local(this.journey.events[place].at);
  }
  id(what) {
    return idOf(`${this.journey.order}/${this.lines.length}/${what}`);
  }
  own(place, unit, reason) {
    this.say('assignOwner', { unit, occurredAt: this.at(place), ...(reason && { reason }) });
  }
  handOver(place, toUnit, { note, told }) {
    this.say('handOverJourney', { toUnit, ...(note && { note }), customerTold: told, occurredAt: this.at(place) });
  }
  moment(place, code, observer, { intensity = 1, note, evidence } = {}) {
    const momentId = this.id(code);
    const said = { ...(note && { note }), ...(evidence && { evidence }) };
    this.say('observeMoment', { momentId, code, intensity, observer, ...said }, place);
    return momentId;
  }
  reviewed(place, observer) {
    this.say('reviewTouchpoint', { observer }, place);
  }
  expects(place, desired, adequate, { kind = 'explicit', statement } = {}) {
    const expectationId = this.id('expectation');
    const minutes = (value) => ({ value, unit: 'min' });
    const said = { desired: minutes(desired), adequate: minutes(adequate), ...(statement && { statement }) };
    this.say('recordExpectation', { expectationId, aspect: 'time', kind, ...said, observer: 'staff' }, place);
    return { expectationId, adequate };
  }
  guided(place, { expectationId, adequate }, to, accepted) {
    const minutes = (value) => ({ value, unit: 'min' });
    const input = { expectationId, from: minutes(adequate), to: minutes(to), script: 'delay-new-time', accepted };
    this.say('guideExpectation', { guidanceId: this.id('guidance'), aspect: 'time', ...input }, place);
  }
  rated(place, observer, experience, expectation, { aspect, comment } = {}) {
    const about = { ...(aspect && { aspect }), ...(comment && { comment }) };
    this.say('rateExperience', { ratingId: this.id('rating'), observer, experience, expectation, ...about }, place);
  }
}

// --- everybody ------------------------------------------------------------------------------------------------------

const late = ({ journey: { events } }) => events.some(({ activity }) => activity.startsWith('Delay') || activity === 'Asks again by phone'); // prettier-ignore
const reporter = (care) => care.journey.events[0].unit;
const crewOf = (care) => care.journey.events[care.place('Crew on site')].unit;

function owners(care) {
  if (!chance(0.72)) return;
  care.own(0, reporter(care));
  if (!chance(0.85)) return;
  const noted = chance(0.82);
  care.handOver(care.place('Crew dispatched'), crewOf(care), { note: noted && pick(NOTES), told: chance(0.8) });
  const back = care.place('Reports it is back') ?? (chance(0.04) ? care.place('Supply restored') : undefined);
  if (back !== undefined) care.handOver(back, reporter(care), { note: chance(0.5) && pick(NOTES), told: chance(0.5) });
}

function expectations(care) {
  const limit = care.journey.who.rural ? 90 : 45;
  if (!chance(0.35)) return;
  const expected = care.expects(0, Math.round((limit * 2) / 3 / 5) * 5, limit, {
    kind: weighted([['explicit', 6], ['latent', 2], ['inferred', 2]]), // prettier-ignore
    statement: chance(0.4) ? 'Before the children come home.' : undefined,
  });
  const told = care.place('Delay told by phone', 'Delay shown in the app');
  if (told === undefined) return;
  const { minutes } = care.journey.events[told].delay;
  care.guided(told, expected, limit + minutes, chance(0.7));
}

/** Quality assurance listens to some of the calls. */
function listenedTo(care) {
  care.journey.events.forEach(({ activity }, place) => {
    if (!CALLS.includes(activity) || !chance(0.35)) return;
    const evidence = `recording-${care.journey.order}-${place}`;
    const found = weighted([['nothing', 62], ['good', 22], ['bad', 18]]); // prettier-ignore
    if (found === 'nothing') return care.reviewed(place, 'qa');
    const list = found === 'good' ? PRAISE : BLAME;
    const code = pick(codesOf(list, 'hotline'));
    care.moment(place, code, 'qa', { intensity: pick([1, 1, 2]), note: list[code][0], evidence });
    if (chance(0.3)) care.rated(place, 'qa', found === 'good' ? 1 : -1, 0, { aspect: 'attitude' });
  });
}

/** An auditor rides along now and then. */
function riddenAlong(care) {
  if (!chance(0.06)) return;
  const place = care.place('Crew on site');
  const found = weighted([['nothing', 5], ['good', 3], ['bad', 2]]); // prettier-ignore
  if (found === 'nothing') return care.reviewed(place, 'auditor');
  const list = found === 'good' ? PRAISE : BLAME;
  const code = pick(codesOf(list, 'crew'));
  care.moment(place, code, 'auditor', { note: list[code][0] });
}

function customersSay(care) {
  const asked = care.place('Asks again by phone');
  const unhappy = late(care) || care.place('Reports it is back') !== undefined;
  if (asked !== undefined && chance(0.4)) {
    const code = pick(codesOf(BLAME, 'hotline'));
    const momentId = care.moment(asked, code, 'customer', { intensity: pick([1, 2, 2, 3]), note: BLAME[code][0] });
    // Somebody listened to the recording and heard another call.
    if (chance(0.3)) care.say('retractMoment', { momentId, reason: 'recording of another call' });
  }
  if (chance(0.07)) {
    const code = pick(codesOf(PRAISE, 'crew'));
    care.moment(care.last('Crew on site'), code, 'customer', { note: PRAISE[code][0] });
  }
  const place = care.last(...FOLLOW_UPS);
  if (place === undefined || !chance(0.65)) return;
  const lived = unhappy ? weighted([[-2, 3], [-1, 4], [0, 3], [1, 1]]) : weighted([[-1, 1], [0, 4], [1, 5], [2, 2]]); // prettier-ignore
  care.rated(place, 'customer', lived, weighted([[0, 7], [1, 2], [-1, 1]]), { aspect: unhappy ? 'time' : 'result' }); // prettier-ignore
  if (unhappy && chance(0.5)) care.moment(place, 'POS-02', 'customer', { note: PRAISE['POS-02'][0] });
}

function staffSay(care) {
  if (chance(0.05)) care.moment(care.place('Repair done'), 'POS-S4', 'staff', { note: 'Checked the neighbours too.' });
}

// --- one household, by hand ---------------------------------------------------------------------------------------

const STORY = [
  (care) => {
    care.own(0, reporter(care), 'first asked');
    const expected = care.expects(0, 30, 45, { statement: 'The soup is on the stove.' });
    care.moment(0, 'POS-05', 'qa', { intensity: 2, note: PRAISE['POS-05'][0], evidence: 'recording-1' });
    const dispatched = care.place('Crew dispatched');
    care.guided(dispatched, expected, 40, true);
    care.handOver(dispatched, crewOf(care), { note: NOTES[0], told: true });
    care.moment(care.place('Crew on site'), 'POS-07', 'customer', { note: PRAISE['POS-07'][0] });
    care.rated(care.place('Call-back'), 'customer', 2, 0, {
      aspect: 'time',
      comment: 'Faster than the soup boiled over.',
    });
  },
  (care) => {
    care.own(0, reporter(care));
    const expected = care.expects(0, 30, 45);
    care.handOver(care.place('Crew dispatched'), crewOf(care), { told: false });
    const onSite = care.place('Crew on site');
    const { vehicleAt } = care.journey.events[onSite];
    const reason = 'tablet was offline, time of the vehicle';
    care.say('correctTouchpoint', { occurredAt: local(vehicleAt), reason }, onSite);
    const asks = care.place('Asks again by phone');
    care.moment(asks, 'NEG-07', 'customer', { intensity: 2, note: BLAME['NEG-07'][0] });
    care.rated(asks, 'customer', -2, 0, { aspect: 'information', comment: 'Nobody knew when somebody would come.' });
    care.guided(care.place('Delay shown in the app'), expected, 75, false);
    care.moment(onSite, 'POS-02', 'customer', { note: PRAISE['POS-02'][0] });
    care.rated(care.place('Call-back'), 'customer', -1, 0, { aspect: 'time' });
  },
  (care) => {
    care.own(0, reporter(care));
    care.handOver(care.place('Crew dispatched'), crewOf(care), { note: NOTES[1], told: true });
    care.reviewed(0, 'qa');
    care.reviewed(care.place('Crew on site'), 'auditor');
    care.moment(care.place('Call-back'), 'POS-S4', 'qa', { note: 'Rang the morning after, unasked.' });
    care.rated(care.place('Call-back'), 'customer', 0, 0, { aspect: 'result' });
  },
];

/** Lines for all journeys, in the order of the journeys. */
export function careOf(journeys, hero) {
  const story = [...STORY];
  return journeys.flatMap((journey) => {
    const care = new Care(journey);
    if (journey.who.account === hero) story.shift()(care);
    else for (const say of [owners, expectations, listenedTo, riddenAlong, customersSay, staffSay]) say(care);
    return care.lines;
  });
}
