// The stage: one pane per run, all with the same zoom and place. Dragging moves, the divider swipes between two layers.

const MOST_ZOOM = 40;
const GRIP = 14; // pixels around the divider that take hold of it
const TALLEST = 0.72; // of the window's height
const SMOOTH_BELOW = 3; // zoomed further in, the picture shows its pixels

class Stage {
  constructor(element, told) {
    this.element = element;
    this.told = told; // hover, divider, focus: what the viewer wants to know
    this.panes = [];
    this.zoom = 1;
    this.x = this.y = 0.5; // the place of the picture in the middle of a pane, in shares of it
    this.divider = 0.5;
    this.pointers = new Map();
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(element.parentElement); // the stage itself is as large as its panes
    this.listen();
  }

  destroy() {
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
  }

  // Panes are made anew only when their number changes
  show(runs, size, picture) {
    [this.height, this.width] = size;
    this.picture = picture;
    if (this.panes.length !== runs.length) {
      this.element.replaceChildren();
      this.panes = runs.map(() => {
        const box = made("div", "mv-pane", this.element);
        const canvas = made("canvas", "", box);
        canvas.setAttribute("role", "img");
        return { box, canvas, name: made("span", "mv-run", box), cross: made("i", "mv-cross", box), divider: made("b", "mv-divider", box) };
      });
    }
    this.panes.forEach((pane, number) => Object.assign(pane, { layers: runs[number].layers }));
    this.panes.forEach((pane, number) => {
      put(pane.name, runs[number].label ?? "");
      pane.name.hidden = !runs[number].label;
      pane.cross.hidden = true;
    });
    this.fit();
  }

  fit() {
    if (!this.width || !this.panes.length) return;
    const gap = 8;
    const whole = this.element.parentElement.clientWidth;
    const beside = this.panes.length > 1 && whole > 560;
    this.element.classList.toggle("mv-beside", beside);
    const room = beside ? (whole - gap) / 2 : whole;
    const tallest = Math.max(240, TALLEST * window.innerHeight);
    this.shown = Math.min(room, (tallest * this.width) / this.height);
    if (this.shown <= 0) return;
    for (const { box } of this.panes) {
      box.style.width = `${this.shown}px`;
      box.style.height = `${(this.shown * this.height) / this.width}px`;
    }
    this.paint();
  }

  // Screen pixels per pixel of the picture
  get scale() {
    return (this.shown / this.width) * this.zoom;
  }

  hold() {
    const half = 0.5 / this.zoom;
    this.x = Math.min(1 - half, Math.max(half, this.x));
    this.y = Math.min(1 - half, Math.max(half, this.y));
  }

  paint(state = this.state) {
    if (!state || !this.shown) return;
    this.state = state;
    this.hold();
    for (const pane of this.panes) this.paintPane(pane, state);
  }

  paintPane(pane, state) {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(this.shown * ratio);
    const height = Math.round(((this.shown * this.height) / this.width) * ratio);
    const { canvas, layers } = pane;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const ctx = canvas.getContext("2d");
    const size = this.zoom * width;
    const tall = this.zoom * height;
    const left = width / 2 - this.x * size;
    const top = height / 2 - this.y * tall;
    const lay = (image, smooth) => {
      ctx.imageSmoothingEnabled = smooth;
      ctx.drawImage(image, left, top, size, tall);
    };
    const draw = (name) => {
      ctx.globalAlpha = 1;
      lay(this.picture, this.zoom < SMOOTH_BELOW);
      const layer = layers.get(name, state);
      ctx.globalAlpha = state.opacity;
      // Finely painted lines are smoothed when they are shown smaller; a pixel's colour never is.
      if (layer) lay(layer, layer.width > this.width && layer.width > size);
      const borders = state.outline && layers.get(name === "truth" ? "outline:truth" : "outline:prediction", state);
      ctx.globalAlpha = 1;
      if (borders) lay(borders, borders.width > this.width && borders.width > size);
    };
    draw(state.layer);
    const swiped = state.second !== "";
    pane.divider.hidden = !swiped;
    if (swiped) {
      const at = Math.round(this.divider * width);
      ctx.save();
      ctx.beginPath();
      ctx.rect(at, 0, width - at, height);
      ctx.clip();
      draw(state.second);
      ctx.restore();
      pane.divider.style.left = `${this.divider * 100}%`;
    }
    if (this.crossed) this.cross(...this.crossed);
  }

  soon() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.paint());
  }

  // Where the pointer is: a pixel of the picture, or null outside
  pixel(event) {
    const pane = this.panes.find(({ canvas }) => canvas === event.target || canvas.parentNode === event.target?.closest?.(".mv-pane"));
    if (!pane) return null;
    const box = pane.canvas.getBoundingClientRect();
    const x = this.x + ((event.clientX - box.left) / box.width - 0.5) / this.zoom;
    const y = this.y + ((event.clientY - box.top) / box.height - 0.5) / this.zoom;
    if (x < 0 || y < 0 || x >= 1 || y >= 1) return null;
    return [Math.floor(x * this.width), Math.floor(y * this.height)];
  }

  cross(x, y) {
    this.crossed = [x, y];
    const side = this.scale;
    const left = this.shown / 2 + (x - this.x * this.width) * side;
    const top = (this.shown * this.height) / this.width / 2 + (y - this.y * this.height) * side;
    for (const { cross } of this.panes) {
      cross.style.cssText = `width:${side}px;height:${side}px;transform:translate(${left}px,${top}px)`;
      cross.hidden = false;
    }
  }

  uncross() {
    this.crossed = null;
    for (const { cross } of this.panes) cross.hidden = true;
  }

  zoomBy(factor, place = null) {
    const before = this.zoom;
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    if (place) {
      // What is below the pointer stays there.
      const keep = 1 - before / this.zoom;
      this.x += ((place[0] + 0.5) / this.width - this.x) * keep;
      this.y += ((place[1] + 0.5) / this.height - this.y) * keep;
    }
    this.soon();
  }

  whole() {
    this.zoom = 1;
    this.x = this.y = 0.5;
    this.soon();
  }

  listen() {
    const { element, pointers } = this;
    element.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // a page has to scroll past its figures
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 200), this.pixel(event));
    }, { passive: false });
    element.addEventListener("dblclick", (event) => this.zoomBy(event.shiftKey ? 0.5 : 2, this.pixel(event)));
    element.addEventListener("pointerdown", (event) => {
      const pane = event.target.closest?.(".mv-pane");
      if (!pane || event.button !== 0) return;
      const box = pane.getBoundingClientRect();
      const off = Math.abs(event.clientX - box.left - this.divider * box.width);
      this.swiping = this.state?.second !== "" && off < GRIP ? box : null;
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      pane.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) {
        const place = this.pixel(event);
        if (place) this.told.hover(...place);
        return;
      }
      const now = [event.clientX, event.clientY];
      if (this.swiping) {
        this.divider = Math.min(0.98, Math.max(0.02, (now[0] - this.swiping.left) / this.swiping.width));
        this.soon();
        return;
      }
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const apart = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
        this.zoomBy(apart(now) / apart(before));
      } else {
        this.x -= (now[0] - before[0]) / (this.shown * this.zoom);
        this.y -= (now[1] - before[1]) / (((this.shown * this.height) / this.width) * this.zoom);
        this.soon();
      }
      pointers.set(event.pointerId, now);
    });
    const up = (event) => {
      if (pointers.delete(event.pointerId) && this.swiping) this.told.released();
      if (event.type === "pointerup" && event.pointerType === "touch") {
        const place = this.pixel(event);
        if (place) this.told.hover(...place);
      }
      this.swiping = null;
    };
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, up);
    element.addEventListener("pointerleave", () => {
      if (!this.element.matches(":focus-within")) this.told.left();
    });
  }
}
