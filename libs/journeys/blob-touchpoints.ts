/** Touchpoints that held, read out of blobs where they lie: no object, no view and no copy per blob. */
import { FLOATS, Form, HEADER, INTS } from './journey-blob.js';
import type { JourneyColumns } from './journey-columns.js';

/** Blobs are in the machine's own order, as typed arrays are. */
const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Adds the touchpoints of a blob that held to the journey that is being added, in the blob's order.
 * @param at where the blob begins; any offset
 * @param position as `EntryColumns.holds`
 */
export function addHeldTouchpoints(
  blob: DataView,
  at: number,
  position: readonly number[] | undefined,
  to: JourneyColumns,
): void {
  const width = blob.getUint8(at + 1);
  const n = blob.getUint8(at + 2) | (blob.getUint8(at + 3) << 8);
  const times = at + HEADER;
  const from = times + 8 * FLOATS * n;
  const until = from + 8 * width * n;
  const ints = until + 8 * width * n;
  const forms = ints + 4 * INTS * n;
  to.reserve(n);
  for (let i = 0; i < n; i++) {
    if (blob.getUint8(forms + i) !== Form.touchpoint) continue;
    const end = until + 8 * width * i;
    if (position === undefined) {
      if (blob.getFloat64(end, LITTLE) !== Infinity) continue;
    } else if (isAfter(blob, from + 8 * width * i, position, width) || !isAfter(blob, end, position, width)) continue;
    const own = ints + 4 * INTS * i;
    to.addTouchpoint(
      blob.getFloat64(times + 8 * i, LITTLE),
      blob.getInt32(own + 4, LITTLE),
      blob.getInt32(own + 8, LITTLE),
      blob.getInt32(own + 12, LITTLE),
    );
  }
}

function isAfter(blob: DataView, offset: number, position: readonly number[], width: number): boolean {
  for (let w = 0; w < width; w++) {
    const difference = blob.getFloat64(offset + 8 * w, LITTLE) - position[w]!;
    if (difference !== 0) return difference > 0;
  }
  return false;
}
