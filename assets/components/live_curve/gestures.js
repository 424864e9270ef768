// Gestures and keys: drag the pick, zoom, pan, read values.

class Gestures extends Panel {
  setPick(x, release) {
    const [low, high] = this.full;
    const at = Math.min(high, Math.max(low, x));
    this.pick = this.data.x.log ? Number((10 ** at).toPrecision(3)) : at;
    if (release) this.send("pick", this.pick);
    this.ask();
  }

  setZoom(low, high) {
    const [from, to] = this.full;
    const wide = high - low;
    if (wide >= (to - from) * 0.999) this.zoom = null;
    else {
      const left = Math.min(Math.max(low, from), to - wide);
      this.zoom = [left, left + wide];
    }
    this.ask();
  }

  zoomAbout(pixel, factor) {
    const [low, high] = this.zoom ?? this.full;
    const least = (this.full[1] - this.full[0]) / 200;
    const about = placer(this.scene).toX(pixel);
    const wide = Math.max(least, (high - low) * factor);
    const share = (about - low) / (high - low);
    this.setZoom(about - wide * share, about + wide * (1 - share));
  }

  listen() {
    const { canvas, handle } = this;
    const inside = (event) => event.clientX - canvas.getBoundingClientRect().left;
    const drag = (element, start) => {
      element.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || !this.scene) return;
        const moves = start(inside(event), event);
        if (!moves) return;
        element.setPointerCapture(event.pointerId);
        const move = (next) => moves.move(inside(next));
        const up = (next) => {
          element.removeEventListener("pointermove", move);
          element.removeEventListener("pointerup", up);
          element.removeEventListener("pointercancel", up);
          this.dragging = null;
          moves.up?.(inside(next), next.type === "pointercancel");
          this.ask();
        };
        element.addEventListener("pointermove", move);
        element.addEventListener("pointerup", up);
        element.addEventListener("pointercancel", up);
      });
    };
    drag(handle, (from) => {
      this.dragging = "pick";
      const gap = placer(this.scene).x(this.scene.pick.x) - from;
      return {
        move: (px) => this.setPick(placer(this.scene).toX(px + gap), false),
        up: (px, lost) => lost || (Math.abs(px - from) < 2 && this.pick === null) || this.setPick(placer(this.scene).toX(px + gap), true),
      };
    });
    drag(canvas, (from, event) => {
      if (event.pointerType === "touch" && !this.zoom && !this.data.pick_enabled) return null;
      const [low, high] = this.zoom ?? this.full;
      const per = (high - low) / (this.scene.plot.right - this.scene.plot.left);
      let moved = false;
      return {
        move: (px) => {
          if (Math.abs(px - from) > 4) moved = true;
          if (!moved || !this.zoom) return;
          this.dragging = "pan";
          this.setZoom(low - (px - from) * per, high - (px - from) * per);
        },
        up: (px, lost) => {
          if (!moved && !lost && this.data.pick_enabled && px >= this.scene.plot.left) this.setPick(placer(this.scene).toX(px), true);
        },
      };
    });
    const hover = (event) => {
      this.hoverAt = inside(event);
      if (event.target === handle && this.dragging) this.hoverAt = null;
      this.ask();
    };
    for (const element of [canvas, handle]) {
      element.addEventListener("pointermove", hover);
      element.addEventListener("pointerleave", () => {
        this.hoverAt = null;
        this.ask();
      });
      element.addEventListener("dblclick", () => {
        this.zoom = null;
        this.ask();
      });
    }
    // A wheel over a chart scrolls the page, unless the chart was chosen first or a modifier says zoom.
    canvas.addEventListener(
      "wheel",
      (event) => {
        const chosen = canvas.getRootNode().activeElement === canvas;
        if (!this.scene || !(event.ctrlKey || event.metaKey || chosen)) return;
        event.preventDefault();
        this.zoomAbout(inside(event), Math.exp(Math.sign(event.deltaY) * 0.18));
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => {
      if (!this.scene) return;
      const { plot } = this.scene;
      const middle = (plot.left + plot.right) / 2;
      const [low, high] = this.zoom ?? this.full;
      const step = (high - low) * 0.1;
      const acts = {
        "+": () => this.zoomAbout(middle, 0.75),
        "=": () => this.zoomAbout(middle, 0.75),
        "-": () => this.zoomAbout(middle, 1.33),
        0: () => this.setZoom(...this.full),
        ArrowLeft: () => this.zoom && this.setZoom(low - step, high - step),
        ArrowRight: () => this.zoom && this.setZoom(low + step, high + step),
      };
      if (!acts[event.key]) return;
      event.preventDefault();
      acts[event.key]();
    });
    handle.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.05, ArrowRight: 0.05, ArrowDown: -0.05, ArrowUp: 0.05, PageDown: -0.5, PageUp: 0.5 }[event.key];
      const ends = { Home: this.full?.[0], End: this.full?.[1] }[event.key];
      if ((step === undefined && ends === undefined) || !this.scene?.pick) return;
      event.preventDefault();
      const unit = this.data.x.log ? 1 : (this.full[1] - this.full[0]) / 8;
      this.setPick(ends ?? this.scene.pick.x + step * unit, false);
      clearTimeout(this.settle);
      this.settle = setTimeout(() => this.send("pick", this.pick), 350);
    });
    this.reset.addEventListener("click", () => {
      this.zoom = null;
      this.ask();
    });
  }
}
