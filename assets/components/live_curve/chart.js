// One chart on the page: turns runs and the page's wishes into a scene, and gestures into a view, a pick or a toggle.

const EASE = 9; // how fast axes follow their target, per second: settles in about a third of a second

class Chart extends Gestures {
  constructor(root) {
    super();
    this.root = root;
    const find = (name) => root.querySelector(name);
    this.canvas = find("canvas");
    this.ctx = this.canvas.getContext("2d");
    this.handle = find(".lc-handle");
    this.tip = find(".lc-tip");
    this.reset = find(".lc-reset");
    this.empty = find(".lc-empty");
    this.legend = find(".lc-legend");
    this.bar = find(".lc-status");
    this.hiddenCurves = new Set();
    this.zoom = null; // [x0, x1] the person chose, or null for the whole range
    this.view = null;
    this.hoverAt = null;
    this.dragging = null;
    this.pick = null;
    this.shown = new Map(); // rule name -> how far it has faded in
    this.frame = 0;
    this.watched = new Map();
    this.told = new Set();
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.onRun = (run, what) => this.hear(run, what);
    this.sizes = new ResizeObserver(() => this.ask());
    this.sizes.observe(find(".lc-stage"));
    this.listen();
    this.clock = setInterval(() => this.live() && (this.status(), this.ask()), 500);
  }

  // The page ran again: new wishes, perhaps the same runs.
  update({ data, setStateValue, setTriggerValue }) {
    this.send = setStateValue;
    this.fire = setTriggerValue;
    const before = this.data;
    this.data = data;
    if (before && data.curves[0]?.run !== before.curves[0]?.run) this.zoom = null;
    if (!this.dragging) this.pick = data.pick;
    if (data.replay && data.replay.nonce !== before?.replay?.nonce) this.replayFrom = performance.now();
    if (!data.replay || (data.replay.unasked && this.calm.matches)) this.replayFrom = null;
    const wanted = new Set(Object.keys(data.runs));
    const streams = [];
    for (const [id, run] of this.watched) {
      if (wanted.has(id)) continue;
      unwatch(run, this.onRun);
      this.watched.delete(id);
    }
    for (const [id, known] of Object.entries(data.runs)) {
      const run = runOf(id);
      if (!this.watched.has(id)) {
        run.watchers.add(this.onRun);
        this.watched.set(id, run);
      }
      if (known.series !== before?.runs?.[id]?.series) run.take(known.series);
      if (known.status) run.tell(known.status);
      if (known.stream) {
        if (run.ended) queueMicrotask(() => this.hear(run, "end"));
        streams.push(run);
      }
    }
    follow(streams, serverRoot(data.page));
    this.theme = null;
    this.drawLegend();
    this.status();
    this.ask();
  }

  destroy() {
    for (const run of this.watched.values()) unwatch(run, this.onRun);
    this.watched.clear();
    this.sizes.disconnect();
    clearInterval(this.clock);
    cancelAnimationFrame(this.frame);
  }

  hear(run, what) {
    if ((what === "end" || what === "fallback") && this.data.runs[run.id]?.stream) {
      const word = `${what} ${run.id}`;
      if (!this.told.has(word)) {
        this.told.add(word);
        if (what === "end") this.fire("ended", run.id);
        else this.send("fallback", true);
      }
    }
    if (what !== "points") this.status();
    this.ask();
  }

  live() {
    return Object.entries(this.data?.runs ?? {}).some(
      ([id, known]) => known.stream && !FINAL.has(this.watched.get(id)?.status?.status),
    );
  }

  ask() {
    if (!this.frame && this.data) this.frame = requestAnimationFrame((now) => this.draw(now));
  }

  colors() {
    if (this.theme) return this.theme;
    const style = getComputedStyle(this.root);
    const of = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    const text = of("--st-text-color", "#17252e");
    const background = of("--st-background-color", "#ffffff");
    const luma = [1, 3, 5].map((i) => parseInt(background.slice(i, i + 2), 16)).reduce((a, b) => a + b, 0);
    this.theme = {
      text,
      background,
      dark: luma < 384,
      font: of("--st-font", "sans-serif"),
      quiet: withAlpha(text, 0.78),
      grid: withAlpha(text, 0.13),
      axis: withAlpha(text, 0.6),
      pick: of("--st-primary-color", "#b8430f"),
      onPick: "#ffffff",
      palette: of("--st-chart-categorical-colors", "#0b6e99,#c2500a,#0a7f5f,#9b4a8f").split(","),
    };
    return this.theme;
  }

  color(wanted) {
    const { palette } = this.colors();
    return typeof wanted === "number" ? palette[wanted % palette.length].trim() : wanted || palette[0];
  }

  // ---- from runs to lines -------------------------------------------------------------------------------------

  column(run, name, now) {
    const series = run?.series.get(name);
    if (!series) return { xs: [], ys: [] };
    const { x, replay } = this.data;
    const other = x.series === "step" ? null : run.series.get(x.series);
    if (x.series !== "step" && !other) return { xs: [], ys: [] };
    const clock = replay && this.replayFrom !== null ? ((now - this.replayFrom) / 1000) * replay.speed : Infinity;
    const begin = series.times[0] ?? 0;
    const xs = [];
    const ys = [];
    for (let i = 0; i < series.steps.length; i += 1) {
      if (series.times[i] - begin > clock) {
        this.replaying = true;
        break;
      }
      const step = series.steps[i];
      let at = other ? (other.steps[i] === step ? other.values[i] : other.at(step)) : step;
      if (x.log) at = at > 0 ? Math.log10(at) : NaN;
      xs.push(at);
      const value = series.values[i];
      ys.push(!this.data.y.log ? value : value > 0 ? Math.log10(value) : NaN);
    }
    return { xs, ys };
  }

  lines(now) {
    this.replaying = false;
    const lines = [];
    const bands = new Map();
    for (const curve of this.data.curves) {
      if (this.hiddenCurves.has(curve.band ?? curve.id)) continue;
      const run = this.watched.get(curve.run);
      const { xs, ys } = this.column(run, curve.series, now);
      if (curve.band) {
        if (!bands.has(curve.band)) bands.set(curve.band, { curve, members: [] });
        bands.get(curve.band).members.push({ xs, ys });
        continue;
      }
      const faint = curve.faint ? this.column(run, curve.faint, now) : null;
      lines.push({
        curve,
        label: curve.label,
        color: this.color(curve.color),
        dash: curve.dash,
        width: curve.width,
        xs,
        ys,
        faint,
        live: this.data.runs[curve.run]?.stream && run?.status?.status === "running",
        lastPointAt: run?.lastPointAt ?? 0,
      });
    }
    for (const { curve, members } of bands.values()) lines.push(this.bandLine(curve, members));
    return lines;
  }

  // Runs that differ in their seed alone become one line, their mean, within the span from lowest to highest.
  bandLine(curve, members) {
    const count = Math.min(...members.map(({ xs }) => xs.length));
    const xs = members[0].xs.slice(0, count);
    const [low, high, mean] = [[], [], []];
    for (let i = 0; i < count; i += 1) {
      const here = members.map(({ ys }) => ys[i]).filter(Number.isFinite);
      low.push(here.length ? Math.min(...here) : NaN);
      high.push(here.length ? Math.max(...here) : NaN);
      mean.push(here.length ? here.reduce((a, b) => a + b, 0) / here.length : NaN);
    }
    const solid = xs.map((_, i) => i).filter((i) => Number.isFinite(mean[i]));
    const band = { xs: solid.map((i) => xs[i]), low: solid.map((i) => low[i]), high: solid.map((i) => high[i]) };
    return { curve, label: curve.band, color: this.color(curve.color), dash: curve.dash, width: curve.width, xs, ys: mean, band };
  }

  target(lines) {
    const { x, y, clip } = this.data;
    let [low, high] = [Infinity, -Infinity];
    for (const { xs } of lines) {
      for (const value of xs) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    if (x.range && (this.live() || this.replaying || low > high)) {
      const [from, to] = x.log ? x.range.map(Math.log10) : x.range;
      [low, high] = [Math.min(low, from), Math.max(high, to)];
    }
    if (low > high) [low, high] = x.log ? [-7, 1] : [0, 100];
    if (high - low < 1e-9) high = low + 1;
    const full = [low, high];
    const [x0, x1] = this.zoom ?? full;
    const inside = lines
      .map((line) => {
        const keep = (xs, ys) => ys.filter((_, i) => xs[i] >= x0 - 1e-9 && xs[i] <= x1 + 1e-9);
        return {
          values: keep(line.xs, line.ys).concat(line.band ? [...line.band.low, ...line.band.high] : []),
          faint: line.faint && keep(line.faint.xs, line.faint.ys),
        };
      })
      .filter(({ values }) => values.length);
    const [y0, y1] = y.range ?? heightOf(inside, clip) ?? this.view?.slice(2) ?? [0, 1];
    return { full, view: [x0, x1, y0, y1] };
  }

  heightAt(line, x) {
    if (!line?.xs.length) return NaN;
    const { xs, ys } = line;
    if (x < xs[0] - 1e-9 || x > xs.at(-1) + 1e-9) return NaN;
    let i = xs.findIndex((value) => value >= x);
    if (i < 0) i = xs.length - 1;
    if (i === 0) return ys[0];
    const share = (x - xs[i - 1]) / (xs[i] - xs[i - 1] || 1);
    return ys[i - 1] + (ys[i] - ys[i - 1]) * share;
  }

  rules(lines, dt) {
    const out = [];
    for (const rule of this.data.rules) {
      const metrics = this.watched.get(rule.run)?.metrics ?? {};
      const rate = rule.lr ?? metrics[rule.metric];
      if (!Number.isFinite(rate) || this.replaying) continue;
      const shown = Math.min(1, (this.shown.get(rule.name) ?? (this.calm.matches ? 1 : 0)) + dt * 3);
      this.shown.set(rule.name, shown);
      if (shown < 1) this.moving = true;
      const x = this.data.x.log ? Math.log10(rate) : rate;
      const line = lines.find(({ curve }) => curve.run === rule.run) ?? lines[0];
      out.push({ ...rule, x, y: this.heightAt(line, x), color: this.color(rule.color), text: `${rule.name} ${sayRate(rate)}`, shown });
    }
    return out;
  }

  // ---- drawing ------------------------------------------------------------------------------------------------

  draw(now) {
    this.frame = 0;
    const width = this.canvas.parentElement.clientWidth;
    const height = Math.round(Math.min(this.data.height, Math.max(400, width * 0.85)));
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.canvas.style.height = `${height}px`;
    }
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const dt = Math.min(0.1, (now - (this.lastDraw ?? now)) / 1000);
    this.lastDraw = now;
    this.moving = false;
    const theme = this.colors();
    // The page's own type grows in the projector mode, and so do the letters of the figure.
    const large = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;
    const type = Math.round((width < 480 ? 13 : width < 800 ? 15 : 17) * large);
    const lines = this.lines(now);
    const { full, view: target } = this.target(lines);
    this.full = full;
    this.ease(target, dt);
    const rules = this.rules(lines, dt);
    const scene = {
      width,
      height,
      type,
      theme,
      lines,
      rules,
      view: this.view,
      x: { ...this.data.x },
      y: this.data.y,
      still: this.calm.matches,
      blank: !lines.some(({ xs }) => xs.length),
      plot: { left: type * 3.6, right: width - type * 1.5, top: type * 2.1, bottom: height - type * 3.7 },
    };
    let labels = ruleRows(this.ctx, scene, placer(scene));
    const rows = labels.reduce((most, { row }) => Math.max(most, row + 1), 0);
    scene.plot.top += rows * (type + 13);
    scene.labels = labels;
    scene.pick = this.pickOf(lines);
    scene.hover = this.hoverOf(lines, scene);
    this.scene = scene;
    paint(this.ctx, scene, now);
    this.place(scene);
    this.canvas.setAttribute("aria-label", `${this.data.message} ${this.describe(lines)}`.trim());
    this.empty.hidden = !scene.blank || !this.data.empty;
    this.empty.textContent = this.data.empty ?? "";
    const beating = !this.calm.matches && lines.some(({ live }) => live);
    if (this.moving || beating || this.replaying) this.ask();
  }

  ease(target, dt) {
    if (!this.view || this.calm.matches || this.dragging === "pan") {
      this.view = [...target];
      return;
    }
    const share = 1 - Math.exp(-EASE * dt);
    this.view = this.view.map((value, i) => {
      const gap = target[i] - value;
      const whole = Math.abs(target[i < 2 ? 1 : 3] - target[i < 2 ? 0 : 2]) || 1;
      if (Math.abs(gap) < whole * 1e-3) return target[i];
      this.moving = true;
      return value + gap * share;
    });
  }

  pickOf(lines) {
    if (!this.data.pick_enabled && this.pick === null) return null;
    const ghost = this.pick === null;
    const at = ghost ? this.full[0] + (this.full[1] - this.full[0]) / 2 : this.data.x.log ? Math.log10(this.pick) : this.pick;
    if (ghost && !lines.some(({ xs }) => xs.length)) return null;
    const y = this.heightAt(lines[0], at);
    const narrow = this.canvas.clientWidth < 480;
    const text = ghost ? (narrow ? "drag me" : "drag me to your rate") : `${narrow ? "" : "your pick "}${sayRate(this.pick)}`;
    return { x: at, y, ghost, text };
  }

  hoverOf(lines, scene) {
    if (this.hoverAt === null || this.dragging) return null;
    const wanted = placer(scene).toX(this.hoverAt);
    let best = null;
    for (const { xs } of lines) {
      for (const x of xs) if (best === null || Math.abs(x - wanted) < Math.abs(best - wanted)) best = x;
    }
    if (best === null) return null;
    const points = lines
      .filter(({ xs }) => xs.length && best >= xs[0] - 1e-9 && best <= xs.at(-1) + 1e-9)
      .map((line) => ({ x: best, y: this.heightAt(line, best), color: line.color, label: line.label }));
    return { x: best, points };
  }

  place(scene) {
    const at = placer(scene);
    const { pick, hover, plot } = scene;
    this.handle.hidden = !(pick && this.data.pick_enabled);
    if (!this.handle.hidden) {
      const px = at.x(pick.x);
      Object.assign(this.handle.style, { left: `${px}px`, top: `${plot.top}px`, height: `${plot.bottom - plot.top}px` });
      this.handle.setAttribute("aria-label", "Your pick of the learning rate");
      this.handle.setAttribute("aria-valuemin", sayRate(10 ** this.full[0]));
      this.handle.setAttribute("aria-valuemax", sayRate(10 ** this.full[1]));
      this.handle.setAttribute("aria-valuenow", String(this.data.x.log ? 10 ** pick.x : pick.x));
      this.handle.setAttribute("aria-valuetext", pick.ghost ? "not set" : `${sayRate(this.pick)}, ${this.data.y.label} ${sayHeight(pick.y, this.data.y)}`);
    }
    this.reset.hidden = !this.zoom;
    this.tip.hidden = !hover;
    if (hover) {
      const head = document.createElement("b");
      head.textContent = `${this.data.x.short ?? this.data.x.label} ${this.data.x.log ? sayRate(10 ** hover.x) : Number(hover.x.toPrecision(6))}`;
      const rows = hover.points.map(({ color, label, y }) => {
        const row = document.createElement("div");
        const dot = document.createElement("i");
        dot.style.background = color;
        row.append(dot, `${label}: ${sayHeight(y, this.data.y)}`);
        return row;
      });
      this.tip.replaceChildren(head, ...rows);
      const px = at.x(hover.x);
      const left = px > scene.width / 2 ? px - this.tip.offsetWidth - 16 : px + 16;
      Object.assign(this.tip.style, { left: `${Math.max(0, left)}px`, top: `${plot.top + 10}px` });
    }
  }

  describe(lines) {
    const parts = lines.map((line) => {
      let best = -1;
      line.ys.forEach((y, i) => {
        if (Number.isFinite(y) && (best < 0 || y < line.ys[best])) best = i;
      });
      if (best < 0) return `${line.label}: no points yet`;
      const x = this.data.x.log ? sayRate(10 ** line.xs[best]) : sayNumber(line.xs[best]);
      return `${line.label}: lowest ${sayHeight(line.ys[best], this.data.y)} at ${x}`;
    });
    return `${this.data.y.label} against ${this.data.x.label}. ${parts.join(". ")}.`;
  }
}
