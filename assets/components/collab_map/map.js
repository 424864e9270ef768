// The map of items: hover, zoom, move and lasso without a server round trip; what was drawn around goes to Python.

const NEAR = 14; // pixels within which a point answers the pointer
const STEP = 60; // pixels per arrow key
const MOST_SENT = 2000;

async function unpack(text, Type) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  return Type ? new Type(buffer) : new TextDecoder().decode(buffer);
}

class ItemMap {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(name);
    this.stage = find(".cm-stage");
    this.canvases = [find(".cm-points"), find(".cm-over")];
    this.parts = { legend: find(".cm-legend"), tip: find(".cm-tip"), quiet: find(".cm-quiet"), up: find(".cm-up"), across: find(".cm-across") };
    this.mode = "lasso";
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.stage);
    for (const button of root.querySelectorAll("button")) button.addEventListener("click", () => this.press(button));
    this.modes();
    this.pointers();
    this.stage.addEventListener("keydown", (event) => this.key(event));
  }

  async update({ data, setStateValue }) {
    this.send = setStateValue;
    const known = this.data?.id === data.id;
    if (!known) {
      const wanted = (this.loading = data.id);
      const [x, y, level, titles] = await Promise.all([unpack(data.x, Float32Array), unpack(data.y, Float32Array), unpack(data.level, Uint8Array), unpack(data.titles)]);
      const codes = await unpack(data.codes, Int32Array);
      if (this.loading !== wanted) return;
      const sameItems = this.points?.x.length === x.length && this.data?.axes === data.axes;
      this.points = { x, y, level, codes, titles: titles.split("\n"), colors: data.colors, inks: data.colors.map(packed), sx: new Float32Array(x.length), sy: new Float32Array(x.length), extent: [range(x), range(y)] };
      if (!sameItems) this.view = null; // other colours keep the place where one looks
      this.picked = null;
    }
    if (!this.data && !data.listens) this.mode = "move"; // nobody waits for a lasso here
    this.data = data;
    this.root.querySelector("[data-mode=lasso]").hidden = !data.listens;
    this.modes();
    this.legend();
    this.parts.across.textContent = `${data.across} →`;
    this.parts.up.textContent = `↑ ${data.up}`;
    this.stage.setAttribute("aria-label", `Map of ${this.points.x.length.toLocaleString("en")} items, ${data.across} across and ${data.up} upwards. Arrow keys move, plus and minus zoom, 0 shows all.`);
    this.resize();
  }

  destroy() {
    this.sizes.disconnect();
    this.loading = null;
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !this.points) return;
    const style = getComputedStyle(this.root);
    const read = (name) => style.getPropertyValue(name).trim();
    this.theme = { text: read("--st-text-color"), line: read("--st-border-color"), accent: read("--st-primary-color"), ground: read("--st-background-color"), font: read("--st-font") || "sans-serif" };
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    if (this.view && this.width && (this.width !== width || this.height !== height)) {
      this.view.kx *= width / this.width;
      this.view.ky *= height / this.height;
    }
    Object.assign(this, { width, height, ratio });
    for (const canvas of this.canvases) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.view ??= View.whole(this.points, width, height);
    this.draw();
  }

  // Once per frame, however many events ask
  draw(all = true) {
    this.stale ||= all;
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      const began = performance.now();
      if (this.stale) {
        project(this.points, this.view, this.height);
        drawPoints(this.canvases[0], this.points, this.picked, this.ratio);
      }
      this.stale = false;
      drawOver(this.canvases[1].getContext("2d"), this);
      const { x0, y0, kx, ky } = this.view;
      this.root.dataset.view = [x0, y0, kx, ky].join(" ");
      this.root.dataset.points = String(this.points.x.length);
      this.root.dataset.milliseconds = (performance.now() - began).toFixed(2);
    });
  }

  legend() {
    const { legend } = this.parts;
    legend.replaceChildren();
    const add = (text, background, name = "") => {
      const line = document.createElement("span");
      const dot = document.createElement("i");
      dot.style.background = background;
      dot.className = name;
      line.append(dot, text);
      legend.append(line);
    };
    if (this.data.groups) this.data.groups.forEach((name, k) => add(name, this.data.colors[k]));
    else {
      const { low, high, title } = this.data.scale;
      add(`${title}: ${low} to ${high}`, `linear-gradient(90deg, ${this.data.colors.filter((_, k) => k % 8 === 0).join(", ")})`, "cm-scale");
    }
  }

  press(button) {
    if (button.dataset.mode) this.mode = button.dataset.mode;
    else this.back();
    this.modes();
  }

  modes() {
    this.stage.dataset.mode = this.mode;
    for (const button of this.root.querySelectorAll("[data-mode]")) {
      if (button.tagName === "BUTTON") button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
    }
  }

  back() {
    if (!this.points) return;
    this.view = View.whole(this.points, this.width, this.height);
    this.pick(null);
  }

  pointers() {
    const { stage } = this;
    const place = (event) => {
      const box = stage.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    stage.addEventListener("wheel", (event) => {
      if (!this.points) return;
      event.preventDefault();
      this.view.zoom(Math.exp(-event.deltaY * 0.0015), ...place(event), this.height);
      this.draw();
    }, { passive: false });
    stage.addEventListener("dblclick", () => this.back());
    stage.addEventListener("pointerleave", () => this.hover(null));
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.points) return;
      stage.setPointerCapture(event.pointerId);
      this.last = place(event);
      this.dragging = this.mode === "move" || event.shiftKey ? "move" : "lasso";
      if (this.dragging === "lasso") this.lasso = [this.last];
    });
    stage.addEventListener("pointermove", (event) => {
      if (!this.points) return;
      const now = place(event);
      if (this.dragging === "move") {
        this.view.move(now[0] - this.last[0], now[1] - this.last[1]);
        this.last = now;
        this.draw();
      } else if (this.dragging === "lasso") {
        this.lasso.push(now);
        this.draw(false);
      } else this.hover(this.nearest(...now), now);
    });
    const end = (event) => {
      const drawn = this.lasso;
      this.dragging = this.lasso = null;
      if (event.type === "pointerup" && drawn?.length > 2) this.pick(inside(this.points, drawn));
      else if (this.points) this.draw(false);
    };
    stage.addEventListener("pointerup", end);
    stage.addEventListener("pointercancel", end);
  }

  nearest(px, py) {
    const { sx, sy } = this.points;
    let best = null;
    let least = NEAR * NEAR;
    for (let k = 0; k < sx.length; k++) {
      const dx = sx[k] - px;
      const dy = sy[k] - py;
      const far = dx * dx + dy * dy;
      if (far <= least) [best, least] = [k, far];
    }
    return best;
  }

  hover(k, [x, y] = [0, 0]) {
    const { tip } = this.parts;
    if (k === this.hovered) return;
    this.hovered = k;
    tip.hidden = k == null;
    if (k != null) {
      tip.textContent = this.points.titles[k].replaceAll("\t", "\n");
      tip.style.left = `${Math.max(4, Math.min(x + 14, this.width - tip.offsetWidth - 4))}px`;
      tip.style.top = `${Math.max(4, Math.min(y + 14, this.height - tip.offsetHeight - 4))}px`;
    }
    if (this.points) this.draw(false);
  }

  pick(places) {
    const some = places?.length ? places : null;
    const changed = some || this.picked;
    this.picked = some ? new Uint8Array(this.points.x.length) : null;
    for (const k of some ?? []) this.picked[k] = 1;
    this.draw();
    if (!changed || !this.data.listens) return;
    const codes = (some ?? []).map((k) => this.points.codes[k]);
    this.parts.quiet.textContent = `${codes.length} items picked`;
    // Drawn last are those rated most: they go first where not all can.
    this.send("picked", { id: this.data.id, count: codes.length, codes: codes.slice(-MOST_SENT).reverse() });
  }

  key(event) {
    if (!this.points) return;
    const moves = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
    if (event.key in moves) this.view.move(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.view.zoom(1.25, this.width / 2, this.height / 2, this.height);
    else if (event.key === "-") this.view.zoom(0.8, this.width / 2, this.height / 2, this.height);
    else if (event.key === "0" || event.key === "Escape") this.back();
    else return;
    event.preventDefault();
    this.draw();
  }
}
