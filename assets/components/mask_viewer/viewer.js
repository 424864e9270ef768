// The viewer: which layers are seen, the legend, what stands under the pointer. Nothing here asks the server.

const LAYERS = [
  ["picture", "Picture", "the picture alone"],
  ["truth", "Truth", "what each pixel is"],
  ["prediction", "Prediction", "what the net says"],
  ["errors", "Errors", "wrong pixels in the colour of what was said, hatched; right ones dimmed"],
  ["entropy", "Entropy", "how unsure the net is, in bits"],
  ["probability", "Probability", "of one class, at a threshold"],
];
const TELL_AFTER = 700; // ms of rest before the server hears of it, for the link alone
const READ_AFTER = 400; // ms before a screen reader is told of a pixel
const AHEAD_MS = 300; // a busy page has no idle moment: then layers are painted ahead all the same

class Viewer {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(`.mv-${name}`);
    this.parts = Object.fromEntries(["layers", "second", "opacity", "outline", "class", "threshold", "at", "counts", "only", "stage", "read", "ramp", "legend", "item", "words", "zoom", "quiet", "nav"].map((name) => [name, find(name)]));
    this.stage = new Stage(this.parts.stage, {
      hover: (x, y) => this.hover(x, y),
      left: () => this.left(),
      released: () => this.tell(),
    });
    this.state = { layer: "prediction", second: "", chosen: 0, threshold: 0.5, opacity: 0.6, outline: false, hidden: new Set() };
    this.listen();
  }

  async update({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { setStateValue, setTriggerValue });
    const { id } = headerOf(data);
    if (id === this.wanted) return this.stage.paint(); // a new theme, or a rerun of the page
    this.wanted = id;
    const found = await unpack(data);
    if (this.wanted !== id) return;
    this.take(found);
  }

  destroy() {
    this.wanted = null;
    this.stage.destroy();
    clearTimeout(this.timer);
    clearTimeout(this.reading);
  }

  take(data) {
    const began = performance.now();
    const first = !this.data;
    this.data = data;
    const [height, width] = data.size;
    const picture = pictured(data.arrays.picture, height, width);
    this.runs = data.runs.map((run, number) => ({
      label: run.label,
      layers: new Layers({ size: data.size, codes: data.codes, truth: data.arrays.truth, prediction: data.arrays[`prediction_${number}`], probs: data.arrays[`probs_${number}`] }),
    }));
    // What a person has set stays from picture to picture; a link is heard once.
    if (first) Object.assign(this.state, data.start, { hidden: new Set(data.start.hidden) });
    // A class that the page names is chosen once; whoever chooses another keeps it.
    if (data.chosen !== null && data.chosen !== this.named) this.state.chosen = data.chosen;
    this.named = data.chosen;
    if (this.state.chosen >= data.codes.length) this.state.chosen = 0;
    for (const [name] of LAYERS) if (this.state.layer === name && !this.offered(name)) this.state.layer = "prediction";
    if (this.state.second && !this.offered(this.state.second)) this.state.second = "";
    this.stage.uncross();
    this.build();
    this.stage.show(this.runs, data.size, picture);
    this.refresh();
    this.root.dataset.id = data.id;
    this.root.dataset.prepared = (performance.now() - began).toFixed(1);
    this.ahead();
  }

  offered(name) {
    return name === "picture" || this.runs.some(({ layers }) => layers.has(name));
  }

  // Layers that were not asked for yet are painted while nobody waits
  ahead() {
    const wanted = this.data.id;
    const names = LAYERS.map(([name]) => name).filter((name) => name !== "picture");
    const jobs = this.runs.flatMap(({ layers }) => [...names, "outline:prediction", "outline:truth"].map((name) => [layers, name]));
    const idle = (act) => (window.requestIdleCallback ? requestIdleCallback(act, { timeout: AHEAD_MS }) : setTimeout(act, 30));
    const next = () => {
      if (this.wanted !== wanted) return;
      const job = jobs.shift();
      if (!job) return void (this.root.dataset.ready = wanted);
      job[0].get(job[1], this.state);
      idle(next);
    };
    idle(next);
  }

  // Building, once per picture

  build() {
    const { data, parts } = this;
    for (const button of parts.layers.children) button.hidden = !this.offered(button.dataset.layer);
    for (const option of parts.second.options) option.hidden = option.value !== "" && !this.offered(option.value);
    parts.class.replaceChildren(...data.codes.map(({ name }, code) => new Option(name, code)));
    const head = this.runs[0].layers;
    const { truth, said } = head.overlaps();
    parts.legend.replaceChildren();
    this.chips = [];
    data.codes.forEach(({ name, color, void: empty }, code) => {
      const elsewhere = this.runs.some(({ layers }) => layers.overlaps().said[code]);
      if (!truth[code] && !said[code] && !elsewhere) return;
      const chip = made("button", "mv-chip", parts.legend);
      chip.type = "button";
      chip.dataset.code = code;
      chip.title = `${name}: click hides or shows it, double click shows it alone`;
      made("i", "", chip).style.background = `rgb(${color})`;
      made("span", "", chip).textContent = name;
      const iou = this.runs.map(({ layers }) => layers.iou(code));
      const numbers = iou.filter(Number.isFinite).map((value) => value.toFixed(2));
      made("small", "", chip).textContent = empty ? "does not count" : data.arrays.truth && numbers.length ? `IoU ${numbers.join(" | ")}` : "";
      chip.addEventListener("click", () => this.toggle(code));
      chip.addEventListener("dblclick", () => this.alone(code));
      this.chips.push({ chip, code });
    });
    put(parts.item, data.item);
    put(parts.words, data.words);
    parts.nav.hidden = !data.nav;
    put(parts.at, data.nav ? `${data.nav.at} of ${data.nav.of}` : "");
  }

  // Changing

  set(changes, tell = true) {
    const began = performance.now();
    Object.assign(this.state, changes);
    this.refresh();
    this.root.dataset.milliseconds = (performance.now() - began).toFixed(2);
    if (tell) this.tell();
  }

  toggle(code) {
    const hidden = new Set(this.state.hidden);
    if (!hidden.delete(code)) hidden.add(code);
    this.set({ hidden });
  }

  alone(code) {
    const others = this.chips.map((one) => one.code).filter((other) => other !== code);
    const already = others.every((other) => this.state.hidden.has(other));
    this.set({ hidden: new Set(already ? [] : others), chosen: code });
  }

  refresh() {
    const { state, parts, data } = this;
    if (!data) return;
    this.stage.paint(state);
    for (const button of parts.layers.children) button.setAttribute("aria-pressed", String(button.dataset.layer === state.layer));
    parts.second.value = state.second;
    parts.opacity.value = state.opacity;
    parts.outline.setAttribute("aria-pressed", String(state.outline));
    parts.class.value = state.chosen;
    parts.threshold.value = state.threshold;
    for (const { chip, code } of this.chips) chip.setAttribute("aria-pressed", String(!state.hidden.has(code)));
    const uses = (name) => state.layer === name || state.second === name;
    parts.only.hidden = !uses("probability");
    parts.ramp.hidden = !uses("probability") && !uses("entropy");
    put(parts.ramp.lastElementChild, uses("probability") ? "1" : `${Math.log2(Math.max(2, data.codes.length)).toFixed(1)} bits`);
    if (uses("probability")) put(parts.counts, this.judged());
    const title = (name) => LAYERS.find(([one]) => one === name)?.[1].toLowerCase() ?? "";
    this.stage.panes.forEach(({ canvas }, number) => {
      const label = [data.runs[number].label, data.item, title(state.layer), state.second && `swiped against ${title(state.second)}`].filter(Boolean).join(", ");
      canvas.setAttribute("aria-label", `${label}. ${data.message}`);
    });
    this.parts.stage.style.touchAction = this.stage.zoom > 1 || state.second ? "none" : "pan-y";
  }

  // What the threshold would say of the chosen class, in this picture
  judged() {
    const { chosen, threshold } = this.state;
    const least = Math.ceil(threshold * 255);
    return this.runs
      .filter(({ layers }) => layers.probs)
      .map(({ label, layers }) => {
        const { there, elsewhere } = layers.histogram(chosen);
        const said = there[least] + elsewhere[least];
        const share = `${((100 * said) / Math.max(1, there[0] + elsewhere[0])).toFixed(1)} % of the pixels`;
        if (!layers.truth) return share;
        const right = said ? `${((100 * there[least]) / said).toFixed(0)} % of them right` : "none of them";
        const found = there[0] ? `${((100 * there[least]) / there[0]).toFixed(0)} % of the class found` : "the class is not in the picture";
        return `${label ? `${label}: ` : ""}${share}, ${right}, ${found}`;
      })
      .join(" · ");
  }

  // The link and nothing else: the server is told after a rest
  tell() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { hidden, ...rest } = this.state;
      this.setStateValue("view", { ...rest, hidden: [...hidden].sort((a, b) => a - b) });
    }, TELL_AFTER);
  }

  go(step) {
    if (this.data?.nav) this.setTriggerValue("go", step);
  }

  // One pixel

  hover(x, y) {
    const began = performance.now();
    this.place = [x, y];
    this.stage.cross(x, y);
    const name = (code) => this.data.codes[code].name;
    const percent = (value) => `${(100 * value).toFixed(0)} %`;
    const lines = this.runs.map(({ label, layers }) => {
      const { real, said, sure, given, chosen, bits, top } = layers.at(x, y, this.state.chosen);
      const parts = [`${label ? `${label} ` : ""}says ${name(said)}${Number.isFinite(sure) ? ` ${percent(sure)}` : ""}`];
      if (real !== null) {
        const empty = this.data.codes[real].void;
        parts.unshift(`is ${name(real)}${empty ? " (does not count)" : real === said ? " ✓" : " ✗"}`);
        if (real !== said && Number.isFinite(given) && !empty) parts.push(`gives the truth ${percent(given)}`);
      }
      if (this.state.layer === "probability" && Number.isFinite(chosen)) parts.push(`${name(this.state.chosen)} ${percent(chosen)}`);
      else if (top.length) parts.push(top.filter(([p, c]) => c !== said && p > 0.005).map(([p, c]) => `${name(c)} ${percent(p)}`).join(", "));
      if (this.state.layer === "entropy") parts.push(`${bits.toFixed(2)} bits`);
      return parts.filter(Boolean).join(" · ");
    });
    put(this.parts.read, `(${x}, ${y})  ${lines.join("  |  ")}`);
    this.root.dataset.hover = (performance.now() - began).toFixed(2);
  }

  left() {
    this.place = null;
    this.stage.uncross();
    put(this.parts.read, this.hint);
  }

  get hint() {
    return "Point at a pixel, or press the arrow keys. Ctrl and wheel, + and −, or a double click zoom; drag to move.";
  }

  step(dx, dy) {
    const [height, width] = this.data.size;
    const [x, y] = this.place ?? [Math.floor(width / 2), Math.floor(height / 2)];
    const next = this.place ? [Math.min(width - 1, Math.max(0, x + dx)), Math.min(height - 1, Math.max(0, y + dy))] : [x, y];
    this.hover(...next);
    clearTimeout(this.reading);
    this.reading = setTimeout(() => put(this.parts.quiet, this.parts.read.textContent), READ_AFTER);
  }

  // Listening

  listen() {
    const { parts } = this;
    LAYERS.forEach(([name, title, words], number) => {
      const button = made("button", "", parts.layers);
      Object.assign(button, { type: "button", textContent: title, title: `${words} (key ${number + 1})` });
      button.dataset.layer = name;
      button.addEventListener("click", () => this.set({ layer: name }));
    });
    parts.second.replaceChildren(new Option("no swipe", ""), ...LAYERS.map(([name, title]) => new Option(`swipe: ${title.toLowerCase()}`, name)));
    parts.second.addEventListener("change", () => this.set({ second: parts.second.value }));
    parts.opacity.addEventListener("input", () => this.set({ opacity: Number(parts.opacity.value) }));
    parts.outline.addEventListener("click", () => this.set({ outline: !this.state.outline }));
    parts.class.addEventListener("change", () => this.set({ chosen: Number(parts.class.value) }));
    parts.threshold.addEventListener("input", () => this.set({ threshold: Number(parts.threshold.value) }));
    for (const button of parts.zoom.children) button.addEventListener("click", () => this.zoom(button.dataset.zoom));
    for (const button of parts.nav.querySelectorAll("button")) button.addEventListener("click", () => this.go(Number(button.dataset.go)));
    parts.stage.addEventListener("keydown", (event) => this.key(event));
    put(parts.read, this.hint);
  }

  zoom(how) {
    if (how === "whole") this.stage.whole();
    else this.stage.zoomBy(how === "in" ? 1.5 : 1 / 1.5, this.place);
    this.parts.stage.style.touchAction = this.stage.zoom > 1 || this.state.second ? "none" : "pan-y";
  }

  key(event) {
    if (!this.data || event.altKey || event.ctrlKey || event.metaKey) return;
    const far = event.shiftKey ? 10 : 1;
    const steps = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
    const layer = LAYERS[Number(event.key) - 1]?.[0];
    const act = {
      "+": () => this.zoom("in"), "=": () => this.zoom("in"), "-": () => this.zoom("out"), 0: () => this.zoom("whole"),
      o: () => this.set({ outline: !this.state.outline }),
      s: () => this.set({ second: this.state.second ? "" : this.state.layer === "truth" ? "prediction" : "truth" }),
      n: () => this.go(1), p: () => this.go(-1), Escape: () => this.left(),
    }[event.key];
    if (event.key in steps) this.step(...steps[event.key]);
    else if (layer && this.offered(layer)) this.set({ layer });
    else if (act) act();
    else return;
    event.preventDefault();
  }
}
