// The time-lapse: a few fixed pictures and their masks after every epoch; live it follows the newest, afterwards it is scrubbed.

const FRAME_MS = 450;
const LAST_HELD = 4; // frames' time that the last one stays before it starts over

class Timelapse {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(`.mt-${name}`);
    this.parts = Object.fromEntries(["play", "scrub", "epoch", "show", "opacity", "tiles"].map((name) => [name, find(name)]));
    this.tiles = [];
    this.parts.play.addEventListener("click", () => (this.timer ? this.stop() : this.play()));
    this.parts.scrub.addEventListener("input", () => {
      this.stop();
      this.see(Number(this.parts.scrub.value));
    });
    this.parts.show.addEventListener("change", () => this.see(this.frame));
    this.parts.opacity.addEventListener("input", () => this.see(this.frame));
  }

  async update({ data }) {
    const { id } = headerOf(data);
    if (id === this.wanted) return;
    this.wanted = id;
    const found = await unpack(data);
    if (this.wanted !== id) return;
    const before = this.data;
    const newest = !before || found.live || this.frame === before.at.length - 1;
    this.data = found;
    const [height, width] = found.size;
    const whole = height * width;
    const count = found.items.length;
    const { pictures, truth, masks } = found.arrays;
    if (!before || before.set !== found.set) {
      this.parts.tiles.replaceChildren();
      this.tiles = found.items.map((item, k) => {
        const box = made("figure", "", this.parts.tiles);
        const canvas = made("canvas", "", box);
        canvas.setAttribute("role", "img");
        return { item, canvas, picture: pictured(pictures.subarray(3 * k * whole, 3 * (k + 1) * whole), height, width), words: made("figcaption", "", box) };
      });
    }
    this.tiles.forEach((tile, k) => {
      const real = truth.subarray(k * whole, (k + 1) * whole);
      tile.truth = new Layers({ size: found.size, codes: found.codes, truth: real, prediction: real });
      tile.frames = found.at.map((_, e) => new Layers({ size: found.size, codes: found.codes, truth: real, prediction: masks.subarray((e * count + k) * whole, (e * count + k + 1) * whole) }));
    });
    this.parts.scrub.max = Math.max(0, found.at.length - 1);
    this.parts.scrub.disabled = found.at.length < 2;
    this.parts.play.disabled = found.at.length < 2;
    if (!this.timer) this.see(newest ? found.at.length - 1 : this.frame);
    this.root.dataset.frames = found.at.length;
  }

  destroy() {
    this.wanted = null;
    this.stop();
  }

  play() {
    let held = 0;
    const last = this.data.at.length - 1;
    if (this.frame >= last) this.see(0);
    const tick = () => {
      const end = this.data.at.length - 1;
      if (this.frame < end) this.see(this.frame + 1);
      else if (++held >= LAST_HELD) {
        held = 0;
        this.see(0);
      }
    };
    this.timer = setInterval(tick, FRAME_MS);
    put(this.parts.play, "Pause");
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    put(this.parts.play, "Play");
  }

  see(frame) {
    const began = performance.now();
    const { data, parts } = this;
    this.frame = Math.min(data.at.length - 1, Math.max(0, frame));
    parts.scrub.value = this.frame;
    const at = data.at[this.frame];
    const epoch = Number.isInteger(at) ? at : at.toFixed(1);
    const state = { hidden: new Set() };
    let right = 0;
    let counted = 0;
    for (const tile of this.tiles) {
      const frameOf = tile.frames[this.frame];
      const { canvas } = tile;
      const wide = data.size[1] * frameOf.fine;
      const tall = data.size[0] * frameOf.fine;
      if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
      const ctx = canvas.getContext("2d");
      ctx.globalAlpha = 1;
      ctx.imageSmoothingEnabled = true;
      ctx.drawImage(tile.picture, 0, 0, wide, tall);
      ctx.imageSmoothingEnabled = false;
      ctx.globalAlpha = Number(parts.opacity.value);
      const layer = parts.show.value === "truth" ? tile.truth.get("truth", state) : frameOf.get(parts.show.value, state);
      ctx.drawImage(layer, 0, 0, wide, tall);
      const found = frameOf.overlaps();
      right += found.right;
      counted += found.counted;
      const share = found.counted ? `${((100 * found.right) / found.counted).toFixed(0)} % right` : "void alone";
      put(tile.words, `${tile.item}: ${share}`);
      canvas.setAttribute("aria-label", `${tile.item} after epoch ${epoch}: ${share}`);
    }
    put(parts.epoch, `epoch ${epoch}${data.epochs ? ` of ${data.epochs}` : ""}${counted ? ` · ${((100 * right) / counted).toFixed(1)} % of these pixels right` : ""}`);
    parts.scrub.setAttribute("aria-valuetext", parts.epoch.textContent);
    this.root.dataset.frame = this.frame;
    this.root.dataset.milliseconds = (performance.now() - began).toFixed(2);
  }
}

const LAPSES = new WeakMap();

export default function (component) {
  const { parentElement } = component;
  const root = parentElement.querySelector(".mask-timelapse");
  let lapse = LAPSES.get(parentElement);
  if (!lapse || lapse.root !== root) {
    lapse?.destroy();
    lapse = new Timelapse(root);
    LAPSES.set(parentElement, lapse);
  }
  lapse.update(component);
  return () => {
    lapse.destroy();
    if (LAPSES.get(parentElement) === lapse) LAPSES.delete(parentElement);
  };
}
