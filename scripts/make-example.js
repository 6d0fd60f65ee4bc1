/**
 * Writes `examples/fault-repairs.xes`: two weeks of fault repairs of a made-up power utility, 200 journeys of 120
 * customers; and `examples/fault-repairs.care.jsonl`: what people noted about them, which no event log carries.
 * Everything is invented, names and numbers too. Seeded and without a clock: the same bytes each time.
 *
 *   node scripts/make-example.js          writes the files
 *   node scripts/make-example.js --check  fails when a committed file is another
 *
 * Durations are lognormal (median, sigma of ln): dispatch 2.2 min, arrival 26 min in town and 54 in the country, repair
 * 68 and 90 min. The limits for an arrival are 45 and 90 min after the report was taken.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { careOf } from './make-example-care.js';
import { DAY, dice, HOUR, local, MINUTE, SECOND, seconds } from './make-example-dice.js';

const example = (name) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
const JOURNEYS = 200;
const CUSTOMERS = 120;
const DAYS = 14;
/** Midnight of Monday 7 July 2025 at +08:00. */
const BEGIN = Date.UTC(2025, 6, 6, 16);
/** Storm: the evening of the second Wednesday, twice the driving time. */
const STORM = { from: BEGIN + 9 * DAY + 17 * HOUR, to: BEGIN + 9 * DAY + 23 * HOUR };
const HOUR_WEIGHTS = [
  2.0, 1.5, 1.2, 1.0, 1.0, 1.3, 2.4, 3.6, 4.4, 4.8, 5.0, 5.2, 5.1, 4.9, 4.9, 5.0, 5.3, 6.2, 7.6, 8.3, 7.4, 5.6, 3.8,
  2.5,
];
const CAUSES = [
  ['customer-owned', 38],
  ['external', 17],
  ['equipment', 16],
  ['natural', 14],
  ['other', 15],
];

const { random, chance, pick, weighted, between, lognormal } = dice(42);

// --- people and crews ---------------------------------------------------------------------------------------------

const SURNAMES = ['Chen 陈', 'Lin 林', 'Wu 吴', 'Zhao 赵', 'Sun 孙', 'Zhou 周', 'Xu 徐', 'He 何', 'Gao 高', 'Luo 罗'];
const GIVEN = ['Mei 梅', 'Jun 军', 'Li 丽', 'Tao 涛', 'Hui 慧', 'Bo 波', 'Ning 宁', 'Qing 青', 'Yun 云', 'Shan 山'];
const TOWN = ['East Gate 东门', 'Lotus Road 莲花路', 'Old Port 老港', 'Silk Street 丝街'];
const COUNTRY = ['Stone Bridge 石桥', 'Upper Tea Village 上茶村', 'Willow Bank 柳岸'];

const accountOf = (number) => `A-${String(310_000 + number * 37)}`;

function customer(number) {
  const rural = chance(0.3);
  const [surname, sign] = SURNAMES[number % SURNAMES.length].split(' ');
  const [given, givenSign] = GIVEN[Math.floor(number / SURNAMES.length) % GIVEN.length].split(' ');
  return {
    account: accountOf(number),
    // No network gives out numbers that begin so.
    phone: `000-5550-${String(1_000 + number).padStart(4, '0')}`,
    name: `${surname} ${given} ${sign}${givenSign}`,
    rural,
    area: pick(rural ? COUNTRY : TOWN),
    app: chance(0.38),
    faults: 0,
  };
}

const hotlineOf = (at) => ((at - BEGIN) % DAY < 12 * HOUR ? 'hotline-east' : 'hotline-west');
const crewOf = (who) => (who.rural ? pick(['crew-5', 'crew-6']) : pick(['crew-1', 'crew-2', 'crew-3', 'crew-4']));
const agent = () => `agent-${100 + Math.floor(random() * 24)}`;
const fitter = (crew) => `fitter-${crew.slice(5)}${pick(['a', 'b', 'c'])}`;

// --- one journey --------------------------------------------------------------------------------------------------

/** Touchpoints of one journey, collected in any order. */
class Journey {
  constructor(number, who, reportedAt) {
    this.order = `FR-2507-${String(number).padStart(4, '0')}`;
    this.who = who;
    this.at = reportedAt;
    this.events = [];
  }
  add(activity, at, channel, unit, staff, more = {}) {
    this.events.push({ activity, at, channel, unit, staff, ...more });
    return at;
  }
}

function reported(journey, byApp) {
  const { who, at } = journey;
  const person = { caller: who.name, phone: who.phone };
  if (byApp) {
    journey.add('Fault reported in the app', at, 'app', 'app-desk', undefined, { person });
    return journey.add('Work order accepted', at + between(20 * SECOND, 70 * SECOND), 'app', 'app-desk', 'app-robot');
  }
  const desk = hotlineOf(at);
  const who95 = agent();
  journey.add('Fault reported by phone', at, 'hotline', desk, who95, { person });
  return journey.add('Work order accepted', at + lognormal(150 * SECOND, 0.5), 'hotline', desk, who95);
}

/** Driving, waiting and telling. Returns when the crew arrived, and who it was. */
function arrival(journey, acceptedAt, plan) {
  const { who } = journey;
  const crew = crewOf(who);
  const dispatchedAt = acceptedAt + lognormal(2.2 * MINUTE, 0.6);
  journey.add('Crew dispatched', dispatchedAt, 'crew', 'dispatch-centre', 'dispatcher');
  const limit = (who.rural ? 90 : 45) * MINUTE;
  const storm = acceptedAt >= STORM.from && acceptedAt < STORM.to;
  const [median, sigma] = who.rural ? [54 * MINUTE, 0.36] : [26 * MINUTE, 0.38];
  const takes = plan.takes ?? lognormal(median * (storm ? 1.9 : 1), storm ? 0.5 : sigma);
  const arrivedAt = Math.max(acceptedAt + takes, dispatchedAt + 3 * MINUTE);
  if (who.app && chance(0.6)) {
    journey.add('On the way, shown in the app', dispatchedAt + between(30 * SECOND, 90 * SECOND), 'app', 'app-desk');
  }
  if (arrivedAt - acceptedAt > limit) delayed(journey, acceptedAt, arrivedAt, limit, plan);
  else if (chance(0.04)) asksAgain(journey, between(acceptedAt + 15 * MINUTE, acceptedAt + 40 * MINUTE), arrivedAt);
  const offline = plan.offline ?? chance(0.02);
  // A tablet without signal stamps the arrival when it is back on the net; the vehicle knows better.
  const stamped = offline ? arrivedAt + between(11 * MINUTE, 19 * MINUTE) : arrivedAt;
  const staff = fitter(crew);
  journey.add('Crew on site', stamped, 'crew', crew, staff, offline ? { vehicleAt: arrivedAt } : {});
  return { crew, staff, arrivedAt: stamped };
}

/** Told in time, told late, or not told at all: then the customer rings. */
function delayed(journey, acceptedAt, arrivedAt, limit, plan) {
  const { who } = journey;
  const dueAt = acceptedAt + limit;
  const told = plan.told ?? weighted([['in time', 40], ['late', 20], ['not', 40]]); // prettier-ignore
  if (told !== 'in time' && (plan.told !== undefined || chance(0.7))) {
    asksAgain(journey, between(dueAt + 2 * MINUTE, dueAt + 9 * MINUTE), arrivedAt);
  }
  if (told === 'not') return;
  const late = Math.max(dueAt + MINUTE, Math.min(dueAt + 14 * MINUTE, arrivedAt - 4 * MINUTE));
  const at = told === 'in time' ? dueAt - between(5 * MINUTE, 15 * MINUTE) : seconds(late);
  if (at >= arrivedAt) return;
  const minutes = Math.ceil((arrivedAt - at) / MINUTE / 5) * 5;
  const more = { delay: { minutes, reason: pick(['traffic', 'crew still at another fault', 'flooded road']) } };
  if (who.app) journey.add('Delay shown in the app', at, 'app', 'app-desk', undefined, more);
  else journey.add('Delay told by phone', at, 'hotline', hotlineOf(at), agent(), more);
}

function asksAgain(journey, at, before) {
  if (at >= before - MINUTE) return;
  const { name, phone } = journey.who;
  journey.add('Asks again by phone', at, 'hotline', hotlineOf(at), agent(), { person: { caller: name, phone } });
}

function repaired(journey, { crew, staff, arrivedAt }, { again = false, because, repair }) {
  const { who } = journey;
  const foundAt = arrivedAt + lognormal(7 * MINUTE, 0.5);
  const cause = because ?? (again ? 'equipment' : weighted(CAUSES));
  journey.add('Cause found', foundAt, 'crew', crew, staff, { cause });
  // Who cannot mend it within a shift makes it safe and leaves the rest to a planned outage.
  const takes = repair ?? Math.min(lognormal((who.rural ? 90 : 68) * MINUTE, 0.75) * (again ? 0.6 : 1), 7 * HOUR);
  const doneAt = Math.max(seconds(arrivedAt + takes), foundAt + 6 * MINUTE);
  journey.add('Repair done', doneAt, 'crew', crew, staff);
  return journey.add('Supply restored', doneAt + between(40 * SECOND, 4 * MINUTE), 'crew', crew, staff);
}

function followedUp(journey, restoredAt, plan) {
  const { who } = journey;
  const calledBack = () => {
    const morning = BEGIN + (Math.floor((restoredAt - BEGIN) / DAY) + 1) * DAY + 9 * HOUR;
    journey.add('Call-back', between(morning, morning + 3 * HOUR), 'hotline', 'hotline-care', agent());
  };
  if (plan.calledBack) calledBack();
  else if (who.app && chance(0.55)) {
    journey.add('Confirmed in the app', restoredAt + between(3 * MINUTE, 50 * MINUTE), 'app', 'app-desk');
  } else if (chance(0.35)) calledBack();
}

/** The fault comes back within a week: the customer rings about the same order and a crew comes once more. */
function cameBack(journey, restoredAt, plan) {
  const at = restoredAt + (plan.backAfter ?? between(5 * HOUR, 6 * DAY));
  const { name, phone } = journey.who;
  const desk = hotlineOf(at);
  const staff = agent();
  journey.add('Reports it is back', at, 'hotline', desk, staff, { person: { caller: name, phone } });
  const acceptedAt = journey.add('Work order accepted', at + lognormal(110 * SECOND, 0.4), 'hotline', desk, staff);
  return repaired(journey, arrival(journey, acceptedAt, {}), { again: true });
}

/** Who calls about what was reported in the app may have to tell it all again, or not. */
function withContext({ events }, plan) {
  if (events[0].channel !== 'app') return;
  for (const event of events) {
    if (event.channel === 'hotline' && event.person) event.inContext = plan.inContext ?? chance(0.6);
  }
}

function live(journey, plan = {}) {
  const acceptedAt = reported(journey, plan.byApp ?? (journey.who.app && chance(0.75)));
  let restoredAt = repaired(journey, arrival(journey, acceptedAt, plan), plan);
  if (plan.backAfter !== undefined || (plan.plain !== true && chance(0.05))) {
    restoredAt = cameBack(journey, restoredAt, plan);
  }
  followedUp(journey, restoredAt, plan);
  withContext(journey, plan);
  const inOrder = journey.events.map((event, i) => ({ event, i }));
  inOrder.sort((a, b) => a.event.at - b.event.at || a.i - b.i);
  journey.events = inOrder.map(({ event }) => event);
  return journey;
}

// --- the two weeks ------------------------------------------------------------------------------------------------

function moment() {
  const hour = weighted(HOUR_WEIGHTS.map((weight, i) => [i, weight]));
  const day = chance(0.09) ? 9 : Math.floor(random() * DAYS);
  const at = day === 9 && chance(0.5) ? between(STORM.from, STORM.to) : BEGIN + day * DAY + hour * HOUR;
  return seconds(at + random() * HOUR);
}

/** One household that shows what the platform is for: reported three times, told late, and a wrong time to mend. */
const STORY = [
  {
    at: BEGIN + 2 * DAY + 19 * HOUR + 6 * MINUTE,
    plan: {
      byApp: false,
      takes: 22 * MINUTE,
      because: 'equipment',
      repair: 41 * MINUTE,
      plain: true,
      calledBack: true,
    },
  },
  {
    at: STORM.from + 83 * MINUTE,
    plan: {
      byApp: true,
      takes: 71 * MINUTE,
      told: 'late',
      offline: true,
      because: 'natural',
      repair: 64 * MINUTE,
      plain: true,
      calledBack: true,
      inContext: false,
    },
  },
  {
    at: BEGIN + 11 * DAY + 18 * HOUR + 41 * MINUTE,
    plan: {
      byApp: true,
      takes: 24 * MINUTE,
      because: 'equipment',
      repair: 33 * MINUTE,
      backAfter: 14 * HOUR + 8 * MINUTE,
      calledBack: true,
      inContext: true,
    },
  },
];

const HERO_NUMBER = 41;
const HERO = accountOf(HERO_NUMBER);

function journeys() {
  const people = Array.from({ length: CUSTOMERS }, (_, i) => customer(i));
  const hero = Object.assign(people[HERO_NUMBER], { rural: false, area: TOWN[1], app: true });
  const others = people.filter((p) => p !== hero);
  // Everybody once; the rest falls on few: a weak line brings the same people back.
  const owners = [...others, ...Array.from({ length: JOURNEYS - STORY.length - others.length }, () => pick(others.slice(0, 55)))]; // prettier-ignore
  const starts = [
    ...owners.map((who) => ({ who, at: moment(), plan: {} })),
    ...STORY.map(({ at, plan }) => ({ who: hero, at, plan })),
  ].sort((a, b) => a.at - b.at);
  return starts.map(({ who, at, plan }, i) => live(new Journey(i + 1, who, at), plan));
}

// --- XES ----------------------------------------------------------------------------------------------------------

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const string = (key, value) => (value === undefined ? '' : `<string key="${key}" value="${escape(value)}"/>`);
const date = (key, at) => (at === undefined ? '' : `<date key="${key}" value="${local(at)}"/>`);

function eventXml({ activity, at, channel, unit, staff, person, delay, cause, vehicleAt, inContext }) {
  return [
    '    <event>',
    string('concept:name', activity),
    date('time:timestamp', at),
    string('channel', channel),
    string('org:group', unit),
    string('org:resource', staff),
    string('caller', person?.caller),
    string('phone', person?.phone),
    delay ? `<int key="delay:minutes" value="${delay.minutes}"/>` : '',
    string('delay:reason', delay?.reason),
    string('fault:cause', cause),
    date('vehicle:arrivedAt', vehicleAt),
    inContext === undefined ? '' : `<boolean key="contextPassed" value="${inContext}"/>`,
    '</event>',
  ].join('');
}

function traceXml({ order, who, events }) {
  return [
    '  <trace>',
    `    ${string('concept:name', order)}${string('account', who.account)}`,
    `    ${string('area', who.area)}<int key="limit:minutes" value="${who.rural ? 90 : 45}"/>`,
    ...events.map(eventXml),
    '  </trace>',
  ].join('\n');
}

const lived = journeys();
const noted = careOf(lived, HERO);

const logXml = [
  '<?xml version="1.0" encoding="UTF-8"?>',
  '<!-- Invented: no person, number or company in this file exists. Made by scripts/make-example.js. -->',
  '<log xes.version="1849-2016" xes.features="" xmlns="http://www.xes-standard.org/">',
  '  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>',
  '  <extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>',
  '  <extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>',
  '  <classifier name="Activity" keys="concept:name"/>',
  ...lived.map(traceXml),
  '</log>',
  '',
].join('\n');

const files = {
  'fault-repairs.xes': logXml,
  'fault-repairs.care.jsonl': noted.map((line) => `${JSON.stringify(line)}\n`).join(''),
};
for (const [name, text] of Object.entries(files)) {
  if (!process.argv.includes('--check')) writeFileSync(example(name), text);
  else if (readFileSync(example(name), 'utf8') !== text) {
    console.error(`examples/${name} is not what scripts/make-example.js makes: run it and commit the file.`);
    process.exitCode = 1;
  }
}
