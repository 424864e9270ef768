// What this browser knows of runs: their points, their status, and the stream that brings more.
// Kept in module scope, so that a rerun of the page or a second chart of the same run costs no new stream.

const RUNS = new Map();
const RUNS_KEPT = 60; // runs nobody looks at are forgotten beyond this many
const TRIES = 3; // failed connections without any data before the page is asked to poll instead
const FINAL = new Set(["done", "failed", "stopped"]);

class Series {
  constructor() {
    this.steps = [];
    this.values = [];
    this.times = [];
  }

  // Index of the first step >= wanted.
  find(wanted) {
    const { steps } = this;
    let low = 0;
    let high = steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (steps[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  at(step) {
    const i = this.find(step);
    return this.steps[i] === step ? this.values[i] : NaN;
  }

  put(step, value, time) {
    const number = value === null || value === undefined ? NaN : value;
    const last = this.steps.length - 1;
    if (last < 0 || step > this.steps[last]) {
      this.steps.push(step);
      this.values.push(number);
      this.times.push(time);
      return;
    }
    const i = this.find(step);
    if (this.steps[i] === step) {
      this.values[i] = number; // a resumed run measures a step again: the later value counts
      return;
    }
    this.steps.splice(i, 0, step);
    this.values.splice(i, 0, number);
    this.times.splice(i, 0, time);
  }
}

class Run {
  constructor(id) {
    this.id = id;
    this.series = new Map();
    this.status = null;
    this.metrics = {};
    this.watchers = new Set();
    this.feed = null;
    this.ended = false;
    this.lastPointAt = -Infinity;
    this.statusAt = 0;
    this.progress = []; // [time, done] of the last seconds, for the rate
    this.version = 0;
  }

  of(name) {
    if (!this.series.has(name)) this.series.set(name, new Series());
    return this.series.get(name);
  }

  // columns: {series: {steps, values, times?}} or {series: [steps, values, times?]}
  take(columns) {
    for (const [name, column] of Object.entries(columns ?? {})) {
      const [steps, values, times] = Array.isArray(column) ? column : [column.steps, column.values, column.times];
      const series = this.of(name);
      for (let i = 0; i < steps.length; i += 1) series.put(steps[i], values[i], times ? times[i] : NaN);
    }
    this.version += 1;
  }

  tell(status) {
    const now = performance.now();
    this.status = { ...this.status, ...status };
    this.metrics = { ...this.metrics, ...status.metrics };
    this.statusAt = now;
    if (Number.isFinite(status.done)) {
      this.progress.push([now, status.done]);
      while (this.progress.length > 2 && now - this.progress[0][0] > 4000) this.progress.shift();
    }
  }

  // Batches per second over the last few seconds; NaN while nothing can be said.
  rate() {
    if (this.progress.length < 2) return NaN;
    const [first, last] = [this.progress[0], this.progress.at(-1)];
    return last[0] > first[0] ? ((last[1] - first[1]) * 1000) / (last[0] - first[0]) : NaN;
  }

  emit(what) {
    for (const watcher of [...this.watchers]) watcher(this, what);
  }

  // What a stream said of this run.
  hear(event, text) {
    if (event === "points") {
      this.take(JSON.parse(text).series);
      this.lastPointAt = performance.now();
    } else if (event === "status") this.tell(JSON.parse(text));
    else this.ended = true;
    this.emit(event);
  }
}

// One connection for all runs of a chart: a browser grants a server six connections, over all its tabs.
class Feed {
  constructor(runs, base) {
    this.runs = runs;
    this.base = base;
    this.failures = 0;
    this.heard = false;
    this.timer = 0;
    for (const run of runs) run.feed = this;
    this.open();
  }

  open() {
    const ids = this.runs.map(({ id }) => encodeURIComponent(id));
    const alone = ids.length === 1;
    const path = alone ? `api/runs/${ids[0]}/stream` : `api/streams?run=${ids.join("&run=")}`;
    const source = new EventSource(this.base + path);
    this.source = source;
    for (const run of this.runs) {
      for (const event of ["points", "status", "end"]) {
        source.addEventListener(alone ? event : `${event}:${run.id}`, ({ data }) => {
          this.heard = true;
          this.failures = 0;
          run.hear(event, data);
          if (this.runs.every(({ ended }) => ended)) this.close();
        });
      }
    }
    source.onerror = () => {
      this.failures += 1;
      const refused = source.readyState === EventSource.CLOSED;
      if (!this.heard && this.failures >= TRIES) {
        this.close();
        for (const run of this.runs) run.emit("fallback");
      } else if (refused) {
        // The browser gives up after a refused answer; a restarting server deserves another try.
        source.close();
        this.timer = setTimeout(() => this.wanted() && this.open(), Math.min(5000, 400 * 2 ** this.failures));
      }
      for (const run of this.runs) run.emit("status");
    };
  }

  get lost() {
    return this.failures > 0;
  }

  wanted() {
    return this.runs.some(({ watchers, ended }) => watchers.size && !ended);
  }

  close() {
    clearTimeout(this.timer);
    this.source.close();
    for (const run of this.runs) if (run.feed === this) run.feed = null;
  }
}

function follow(runs, base) {
  const unfed = runs.filter(({ feed, ended }) => !feed && !ended);
  if (unfed.length) new Feed(unfed, base);
}

function runOf(id) {
  let run = RUNS.get(id);
  if (!run) {
    run = new Run(id);
    RUNS.set(id, run);
    for (const [old, other] of RUNS) {
      if (RUNS.size <= RUNS_KEPT) break;
      if (!other.watchers.size && other !== run) RUNS.delete(old);
    }
  }
  return run;
}

function unwatch(run, watcher) {
  run.watchers.delete(watcher);
  // A page change remounts within moments: only runs that nobody comes back to lose their stream.
  setTimeout(() => run.feed && !run.feed.wanted() && run.feed.close(), 1500);
}

// The address of the server's root, also behind a proxy that puts the app under a path of its own.
function serverRoot(page) {
  let path = window.location.pathname.replace(/\/+$/, "");
  if (page && path.endsWith(`/${page}`)) path = path.slice(0, -page.length - 1);
  return `${window.location.origin}${path}/`;
}
