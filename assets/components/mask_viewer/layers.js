// Layers of one run on one picture: each is painted once, at its own resolution, and again only when what it shows changes.

const FINE_WIDTH = 960; // outlines and hatching of small masks are painted this wide, so that they stay thin
const MOST_FINE = 8;
const DIMMED = 110; // of 255, over what is right, so that mistakes stand out
// Dark to light in even steps, for people who see hues alike too (inferno; Smith and van der Walt, matplotlib).
const RAMP = [[0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164]];

const LEVELS = new Uint32Array(256);
for (let v = 0; v < 256; v++) {
  const place = (v / 255) * (RAMP.length - 1);
  const from = RAMP[Math.floor(place)];
  const to = RAMP[Math.min(RAMP.length - 1, Math.floor(place) + 1)];
  const share = place % 1;
  LEVELS[v] = rgba(...from.map((part, i) => Math.round(part + (to[i] - part) * share)));
}

// -p log2 p of a probability in 255ths
const PART = Float32Array.from({ length: 256 }, (_, v) => (v ? -(v / 255) * Math.log2(v / 255) : 0));

class Layers {
  constructor({ size, codes, truth, prediction, probs }) {
    [this.height, this.width] = size;
    Object.assign(this, { codes, truth, prediction, probs, pixels: size[0] * size[1] });
    this.fine = Math.max(1, Math.min(MOST_FINE, Math.floor(FINE_WIDTH / this.width)));
    this.voids = codes.map((code) => code.void);
    this.kept = new Map();
  }

  // What would change the painting of a layer
  key(name, { hidden, chosen, threshold }) {
    if (name === "entropy") return "";
    if (name === "probability") return `${chosen} ${threshold}`;
    return [...hidden].sort().join(",");
  }

  has(name) {
    if (name === "entropy" || name === "probability") return Boolean(this.probs);
    if (name === "errors") return Boolean(this.truth);
    return name.endsWith("truth") ? Boolean(this.truth) : name !== "picture";
  }

  // The canvas of a layer; null for the bare picture, or for what this run has not told
  get(name, state) {
    if (!this.has(name)) return null;
    const key = this.key(name, state);
    const known = this.kept.get(name);
    if (known?.key === key) return known.canvas;
    const canvas = this.paint(name, state);
    this.kept.set(name, { key, canvas });
    return canvas;
  }

  paint(name, state) {
    if (name === "truth" || name === "prediction") return this.codesOf(this[name], state.hidden);
    if (name === "errors") return this.errors(state.hidden);
    if (name === "entropy") return this.entropy();
    if (name === "probability") return this.probability(state.chosen, state.threshold);
    return this.outline(this[name.split(":")[1]], state.hidden);
  }

  colors(hidden) {
    const table = new Uint32Array(256);
    this.codes.forEach(({ color }, code) => {
      if (!hidden.has(code)) table[code] = rgba(...color);
    });
    return table;
  }

  fresh(scale = 1) {
    const data = new ImageData(this.width * scale, this.height * scale);
    return { data, words: new Uint32Array(data.data.buffer) };
  }

  done(data) {
    const canvas = surface(data.width, data.height);
    canvas.getContext("2d").putImageData(data, 0, 0);
    return canvas;
  }

  codesOf(mask, hidden) {
    const { data, words } = this.fresh();
    const table = this.colors(hidden);
    for (let i = 0; i < words.length; i++) words[i] = table[mask[i]];
    return this.done(data);
  }

  // Wrong pixels in the colour of what was said, hatched; right ones dimmed; void left alone, since it does not count
  errors(hidden) {
    const { width, height, fine, truth, prediction, voids } = this;
    const { data, words } = this.fresh(fine);
    const table = this.colors(hidden);
    const dim = rgba(0, 0, 0, DIMMED);
    const period = fine > 2 ? 8 : 4;
    for (let y = 0; y < height * fine; y++) {
      const row = Math.floor(y / fine) * width;
      let k = y * width * fine;
      for (let x = 0; x < width; x++) {
        const real = truth[row + x];
        const said = prediction[row + x];
        const wrong = real !== said && !voids[real];
        const color = wrong ? table[said] : voids[real] ? 0 : dim;
        for (let s = 0; s < fine; s++, k++) {
          const line = wrong && color && (x * fine + s + y) % period < period / 4;
          words[k] = line ? 0xff000000 : color;
        }
      }
    }
    return this.done(data);
  }

  bits() {
    if (this.entropies) return this.entropies;
    const { probs, pixels } = this;
    const sum = new Float32Array(pixels);
    for (let c = 0; c * pixels < probs.length; c++) {
      const one = probs.subarray(c * pixels, (c + 1) * pixels);
      for (let i = 0; i < pixels; i++) sum[i] += PART[one[i]];
    }
    this.entropies = sum;
    return sum;
  }

  entropy() {
    const { data, words } = this.fresh();
    const scale = 255 / Math.log2(Math.max(2, this.probs.length / this.pixels));
    const bits = this.bits();
    for (let i = 0; i < words.length; i++) words[i] = LEVELS[Math.min(255, Math.round(bits[i] * scale))];
    return this.done(data);
  }

  // Probabilities of one class; below the threshold only a shade of them
  probability(chosen, threshold) {
    const { data, words } = this.fresh();
    const one = this.of(chosen);
    const least = Math.ceil(threshold * 255);
    const table = LEVELS.map((word, v) => (v >= least ? word : ((word & 0xffffff) | (70 << 24)) >>> 0));
    for (let i = 0; i < words.length; i++) words[i] = table[one[i]];
    return this.done(data);
  }

  of(chosen) {
    return this.probs.subarray(chosen * this.pixels, (chosen + 1) * this.pixels);
  }

  // Borders between classes: a light and a dark line side by side show on every colour
  outline(mask, hidden) {
    const { width, height, fine } = this;
    const { data, words } = this.fresh(fine);
    const thick = Math.max(1, Math.round(fine / 5));
    const long = width * fine;
    const light = 0xffffffff;
    const dark = 0xff101010;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const here = mask[y * width + x];
        const right = x + 1 < width ? mask[y * width + x + 1] : here;
        const below = y + 1 < height ? mask[(y + 1) * width + x] : here;
        if (right !== here && !(hidden.has(here) && hidden.has(right))) {
          for (let s = 0; s < fine; s++) {
            const k = (y * fine + s) * long + (x + 1) * fine;
            words.fill(light, k - thick, k);
            words.fill(dark, k, k + (fine > 1 ? thick : 0));
          }
        }
        if (below !== here && !(hidden.has(here) && hidden.has(below))) {
          for (let s = 0; s < thick; s++) {
            let k = ((y + 1) * fine - 1 - s) * long + x * fine;
            words.fill(light, k, k + fine);
            k = ((y + 1) * fine + s) * long + x * fine;
            if (fine > 1) words.fill(dark, k, k + fine);
          }
        }
      }
    }
    return this.done(data);
  }

  // Counts, for numbers beside the picture

  // Pixels of a class by their probability, where it is and where it is not; void is left out
  histogram(chosen) {
    this.histograms ??= new Map();
    if (this.histograms.has(chosen)) return this.histograms.get(chosen);
    const found = { there: new Uint32Array(257), elsewhere: new Uint32Array(257) };
    const one = this.of(chosen);
    for (let i = 0; i < this.pixels; i++) {
      const real = this.truth ? this.truth[i] : -1;
      if (real >= 0 && this.voids[real]) continue;
      (real === chosen ? found.there : found.elsewhere)[one[i]]++;
    }
    for (const counts of [found.there, found.elsewhere]) for (let v = 254; v >= 0; v--) counts[v] += counts[v + 1];
    this.histograms.set(chosen, found);
    return found;
  }

  // Per class: pixels of it, said to be it, and both; void is left out
  overlaps() {
    if (this.overlap) return this.overlap;
    const count = this.codes.length;
    const found = { truth: new Uint32Array(count), said: new Uint32Array(count), both: new Uint32Array(count), right: 0, counted: 0 };
    for (let i = 0; i < this.pixels; i++) {
      const real = this.truth ? this.truth[i] : this.prediction[i];
      found.truth[real]++;
      if (this.voids[real]) continue;
      const said = this.prediction[i];
      found.said[said]++;
      found.counted++;
      if (real === said) {
        found.both[real]++;
        found.right++;
      }
    }
    this.overlap = found;
    return found;
  }

  iou(code) {
    const { truth, said, both } = this.overlaps();
    if (!truth[code] || this.voids[code]) return NaN;
    return both[code] / (truth[code] + said[code] - both[code]);
  }

  // What is known of one pixel
  at(x, y, chosen) {
    const i = y * this.width + x;
    const share = (code) => (this.probs ? this.probs[code * this.pixels + i] / 255 : NaN);
    const real = this.truth ? this.truth[i] : null;
    const said = this.prediction[i];
    const top = [];
    if (this.probs) {
      for (let c = 0; c < this.codes.length; c++) top.push([share(c), c]);
      top.sort((a, b) => b[0] - a[0]);
    }
    return { real, said, sure: share(said), given: real === null ? NaN : share(real), chosen: share(chosen), bits: this.probs ? this.bitsAt(i) : NaN, top: top.slice(0, 3) };
  }

  bitsAt(i) {
    if (this.entropies) return this.entropies[i];
    let sum = 0;
    for (let k = i; k < this.probs.length; k += this.pixels) sum += PART[this.probs[k]];
    return sum;
  }
}
