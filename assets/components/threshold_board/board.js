// The board: thresholds as whole numbers of thousandths, one for all labels and, where a person wants, one of a label's own.

const TILES = [
  ["f2_samples", "F2, per picture"],
  ["f2_macro", "F2, mean of labels"],
  ["accuracy_multi", "accuracy_multi"],
  ["precision", "precision"],
  ["recall", "recall"],
  ["subset", "all labels right"],
];
const SEND_AFTER = 350; // after the last key, in ms: a held arrow key is one change

class Board {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(name);
    this.parts = { tiles: find(".tb-tiles"), buttons: find(".tb-buttons"), gallery: find(".tb-gallery"), rows: find(".tb-rows"), quiet: find(".tb-quiet") };
    this.handle = find(".tb-handle");
    this.plot = new Plot(find(".tb-stage canvas"));
    this.sizes = new ResizeObserver(() => this.paint());
    this.sizes.observe(find(".tb-stage"));
    this.slide(find(".tb-stage"), () => this.global, (i) => this.set(null, i), (x, box) => this.plot.threshold(x - box.left));
    this.keys(this.handle, () => this.global, (i) => this.set(null, i));
  }

  async update({ data, setStateValue }) {
    this.send = setStateValue;
    const before = this.data;
    if (before?.id !== data.id) {
      this.counts = null;
      const wanted = (this.loading = data.id);
      const counts = await Counts.of(data);
      if (this.loading !== wanted) return;
      this.counts = counts;
      this.data = data;
      this.global = Math.round(data.initial.global * STEPS);
      this.own = new Map(Object.entries(data.initial.own).map(([c, value]) => [Number(c), Math.round(value * STEPS)]));
      this.build();
    } else {
      this.data = data;
      if (!this.counts) return;
      if (before.metric.name !== data.metric.name) this.shapes();
    }
    this.paint();
  }

  destroy() {
    this.sizes.disconnect();
    clearTimeout(this.timer);
    this.loading = null;
  }

  // Building, once per set of predictions

  build() {
    const { data, parts, counts } = this;
    for (const name of ["tiles", "buttons", "gallery", "rows"]) parts[name].replaceChildren();
    const tile = (name, chosen) => {
      const box = made("div", chosen ? "tb-tile tb-chosen" : "tb-tile", parts.tiles);
      const found = { box, label: made("span", "", box), value: made("b", "", box), more: made("small", "", box) };
      found.value.dataset.metric = name;
      return found;
    };
    this.big = tile("chosen", true);
    this.tiles = TILES.map(([name, title]) => {
      const one = tile(name, false);
      one.label.textContent = title;
      const plain = data.baseline_metrics;
      const said = Object.entries(plain).filter(([, known]) => known[name] != null).map(([who, known]) => `${who} ${known[name].toFixed(3)}`);
      one.more.textContent = said.join(" · ");
      return [name, one];
    });
    const button = (text, act) => {
      const one = made("button", "", parts.buttons);
      one.type = "button";
      one.textContent = text;
      one.addEventListener("click", () => {
        act();
        this.answer();
        this.release();
      });
    };
    button("Best for all", () => ((this.global = this.data.optimum.global), this.own.clear()));
    button("Best per label", () => (this.own = new Map(this.data.optimum.per_class.map((i, c) => [c, i]))));
    button("One for all", () => this.own.clear());
    button("0.2, the notes", () => ((this.global = 200), this.own.clear()));
    button("0.5, the default", () => ((this.global = 500), this.own.clear()));
    this.which = made("span", "", parts.buttons);
    const head = made("div", "tb-row tb-head", parts.rows);
    head.innerHTML = '<span>label</span><span>true ▲ false ▼</span><span class="tb-value">at</span>';
    const counted = made("span", "tb-counts", head);
    counted.innerHTML = "<b>TP</b><u>FP</u><em>FN</em>";
    this.rows = data.classes.map((name, c) => this.row(name, c));
    this.pictures = data.gallery.map((one) => this.picture(one));
    this.shapes();
    this.counted = counts;
  }

  row(name, c) {
    const row = made("div", "tb-row", this.parts.rows);
    const title = made("span", "tb-name", row);
    title.textContent = name;
    title.title = name;
    made("small", "", title).textContent = `${this.data.positives[c].toLocaleString("en")} true${this.data.positives[c] < this.data.few ? ", uncertain" : ""}`;
    const strip = made("div", "tb-strip", row);
    const canvas = made("canvas", "", strip);
    const mark = made("i", "", strip);
    strip.tabIndex = 0;
    strip.setAttribute("role", "slider");
    strip.setAttribute("aria-label", `Threshold of ${name}`);
    strip.setAttribute("aria-valuemin", "0");
    strip.setAttribute("aria-valuemax", "1");
    const value = made("span", "tb-value", row);
    const cells = made("span", "tb-counts", row);
    const found = { row, strip, canvas, mark, value, tp: made("b", "", cells), fp: made("u", "", cells), fn: made("em", "", cells), f: made("s", "", cells) };
    row.dataset.label = name;
    const at = () => this.at(c);
    this.slide(strip, at, (i) => this.set(c, i), (x, box) => (x - box.left) / box.width);
    this.keys(strip, at, (i) => this.set(c, i), () => this.own.delete(c));
    for (const event of ["pointerenter", "focus"]) strip.addEventListener(event, () => this.look(c));
    for (const event of ["pointerleave", "blur"]) strip.addEventListener(event, () => this.look(null));
    return found;
  }

  picture(one) {
    const box = made("div", "tb-picture", this.parts.gallery);
    box.title = one.name;
    if (one.url) {
      const image = made("img", "", box);
      image.src = one.url;
      image.alt = one.name;
      image.loading = "lazy";
    } else if (this.data.sprite) {
      const [column, row] = one.place;
      const { columns, lines } = this.data.sprite;
      const image = made("div", "tb-image", box);
      image.setAttribute("role", "img");
      image.setAttribute("aria-label", one.name);
      image.style.backgroundImage = `url(${this.data.sprite.url})`;
      image.style.backgroundSize = `${columns * 100}% ${lines * 100}%`;
      image.style.backgroundPosition = `${columns > 1 ? (column / (columns - 1)) * 100 : 0}% ${lines > 1 ? (row / (lines - 1)) * 100 : 0}%`;
    } else {
      box.classList.add("tb-plain");
      made("div", "tb-id", box).textContent = one.name;
    }
    const tags = made("div", "tb-tags", box);
    const order = one.levels.map((level, c) => [level, c]).sort((a, b) => b[0] - a[0]);
    const chips = order.map(([level, c]) => {
      const chip = made("span", "", tags);
      chip.dataset.label = chip.textContent = this.data.classes[c];
      return { chip, c, level, truth: one.truths.includes(c), state: null };
    });
    const none = made("span", "tb-none", tags);
    none.textContent = "none of the labels";
    return { chips, none, box };
  }

  // The curve of each label by itself, for the metric at hand
  shapes() {
    const { counts, data } = this;
    this.curves = data.classes.map((_, c) => {
      const curve = new Array(STEPS + 1);
      for (let i = 0; i <= STEPS; i++) curve[i] = ofCounts(data.metric, counts.cell(c, i), counts.items);
      return curve;
    });
  }

  // Moving

  at(c) {
    return this.own.get(c) ?? this.global;
  }

  set(c, i) {
    const whole = Math.min(STEPS, Math.max(0, Math.round(i)));
    if (c === null) this.global = whole;
    else this.own.set(c, whole);
    this.answer();
  }

  look(c) {
    this.looked = c;
    if (this.counts) this.answer();
  }

  slide(element, at, set, place) {
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.counts) return;
      element.setPointerCapture(event.pointerId);
      const move = (next) => set(place(next.clientX, element.getBoundingClientRect()) * STEPS);
      const up = (last) => {
        element.removeEventListener("pointermove", move);
        element.removeEventListener("pointerup", up);
        element.removeEventListener("pointercancel", up);
        if (last.type !== "pointercancel") this.release();
      };
      element.addEventListener("pointermove", move);
      element.addEventListener("pointerup", up);
      element.addEventListener("pointercancel", up);
      move(event);
    });
  }

  keys(element, at, set, reset) {
    const steps = { ArrowLeft: -10, ArrowDown: -10, ArrowRight: 10, ArrowUp: 10, PageDown: -100, PageUp: 100 };
    element.addEventListener("keydown", (event) => {
      if (!this.counts) return;
      if (event.key in steps) set(at() + steps[event.key] / (event.shiftKey ? 10 : 1));
      else if (event.key === "Home") set(0);
      else if (event.key === "End") set(STEPS);
      else if (reset && (event.key === "Delete" || event.key === "Backspace")) {
        reset();
        this.answer();
      } else return;
      event.preventDefault();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.release(), SEND_AFTER);
    });
  }

  release() {
    clearTimeout(this.timer);
    const own = Object.fromEntries([...this.own].map(([c, i]) => [c, i / STEPS]));
    this.send("thresholds", { id: this.data.id, global: this.global / STEPS, own });
    put(this.parts.quiet, `${this.data.metric.title}: ${this.big.value.textContent} at ${(this.global / STEPS).toFixed(3)}`);
  }

  // Answering: every number and every tag, from counts alone

  paint() {
    if (!this.counts || !this.data) return;
    const theme = themeOf(this.root);
    this.plot.prepare(this.data, theme);
    const levels = STEPS + 2;
    this.rows.forEach((row, c) => {
      const from = 2 * c * levels;
      heaps(row.canvas, this.counts.histograms.subarray(from, from + levels), this.counts.histograms.subarray(from + levels, from + 2 * levels), theme);
    });
    this.answer();
  }

  answer() {
    const began = performance.now();
    const { data, counts } = this;
    const at = data.classes.map((_, c) => this.at(c));
    const found = judge(counts, at, data.metric);
    const plain = this.own.size === 0;
    const chosen = plain ? data.curve[this.global] ?? NaN : found.chosen;
    const sampled = counts.rows < counts.items;
    const rough = sampled && !plain && ["samples", "subset"].includes(data.metric.average);
    put(this.big.label, data.metric.title);
    put(this.big.value, `${rough ? "≈ " : ""}${say(chosen)}`);
    const base = Object.entries(data.baselines).map(([name, score]) => `${name} ${say(score, 3)}`).join(" · ");
    const top = data.curve[data.optimum.global];
    put(this.big.more, `best for all ${say(top)} at ${(data.optimum.global / STEPS).toFixed(3)} · ${base}`);
    for (const [name, tile] of this.tiles) {
      tile.box.hidden = { f2_samples: "f2", f2_macro: "f2_macro", accuracy_multi: "accuracy", subset: "subset" }[name] === data.metric.name;
      const unsure = sampled && (name === "f2_samples" || name === "subset");
      put(tile.value, `${unsure ? "≈ " : ""}${say(found.found[name])}`);
    }
    put(this.which, plain ? `one threshold: ${(this.global / STEPS).toFixed(3)}` : `${this.own.size} of ${data.classes.length} labels have their own`);
    this.rows.forEach((row, c) => {
      const cell = found.cells[c];
      row.row.classList.toggle("tb-own", this.own.has(c));
      row.mark.style.left = `${at[c] / 10}%`;
      put(row.value, (at[c] / STEPS).toFixed(3));
      put(row.tp, cell.tp.toLocaleString("en"));
      put(row.fp, cell.fp.toLocaleString("en"));
      put(row.fn, cell.fn.toLocaleString("en"));
      put(row.f, `${data.metric.short} ${say(found.own[c], 3)}`);
      row.strip.setAttribute("aria-valuenow", String(at[c] / STEPS));
    });
    this.tags(at);
    this.plot.move(this.global, chosen, this.looked == null ? null : this.curves[this.looked], this.looked == null ? "" : data.classes[this.looked]);
    this.handle.style.left = `${this.plot.x(this.global / STEPS)}px`;
    this.handle.setAttribute("aria-valuemin", "0");
    this.handle.setAttribute("aria-valuemax", "1");
    this.handle.setAttribute("aria-valuenow", String(this.global / STEPS));
    this.handle.setAttribute("aria-valuetext", `${(this.global / STEPS).toFixed(3)}: ${data.metric.title} ${say(chosen)}`);
    this.plot.canvas.setAttribute("aria-label", `${data.metric.title} against the threshold; best ${say(top)} at ${(data.optimum.global / STEPS).toFixed(3)}, now ${say(chosen)}`);
    this.root.dataset.answered = String(Number(this.root.dataset.answered ?? 0) + 1);
    this.root.dataset.milliseconds = (performance.now() - began).toFixed(2);
  }

  tags(at) {
    for (const { chips, none } of this.pictures) {
      let any = false;
      for (const one of chips) {
        const said = one.level > at[one.c];
        any ||= said;
        const state = said ? (one.truth ? "right" : "wrong") : one.truth ? "missed" : "";
        if (state === one.state) continue;
        one.state = state;
        one.chip.hidden = !state;
        one.chip.className = `tb-${state}`;
      }
      none.hidden = any;
    }
  }
}
