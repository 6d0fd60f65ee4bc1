/** A bar on the terminal, a line now and then where there is none. Everything goes to stderr: stdout is for the result. */
const WIDTH = 28;

export class Bar {
  #started = performance.now();
  #shown = 0;
  #last = '';

  /** `total` in the same unit as what `at` is given. */
  constructor(label, total) {
    this.label = label.padEnd(10);
    this.total = total;
  }

  at(done, what = '') {
    const now = performance.now();
    if (now - this.#shown < (process.stderr.isTTY ? 100 : 5_000)) return;
    this.#shown = now;
    this.#draw(done, what);
  }

  /** Ends the line. */
  end(done, what = '') {
    this.#draw(done, what);
    if (process.stderr.isTTY) process.stderr.write('\n');
  }

  #draw(done, what) {
    const share = Math.min(1, done / Math.max(1, this.total));
    const full = Math.round(share * WIDTH);
    const seconds = (performance.now() - this.#started) / 1_000;
    const pace = `${thousands(done)} in ${seconds.toFixed(1)} s, ${thousands(done / seconds)}/s`;
    const line = `${this.label} [${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${pace}${what && `, ${what}`}`;
    process.stderr.write(process.stderr.isTTY ? `\r${line.padEnd(this.#last.length)}` : `${line}\n`);
    this.#last = line;
  }
}

const thousands = (n) => (n < 10_000 ? String(Math.round(n)) : `${Math.round(n / 1_000)} k`);

/** The p-th percentile (0..1) of numbers, nearest rank. */
export function percentile(numbers, p) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
}
