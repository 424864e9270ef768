// Fixed pictures with an arrow from each prediction to its target, epoch by epoch. Positions between two epochs are
// never shown: only what the net said after an epoch.

const SHOWN = new WeakMap();
const NS = "http://www.w3.org/2000/svg";
const STEP_MS = 550; // one epoch while playing: slow enough to follow a dozen arrows

function svg(name, className, attributes = {}) {
  const made = document.createElementNS(NS, name);
  if (className) made.setAttribute("class", className);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (!sorted.length) return NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

class Frames {
  constructor(root) {
    this.root = root;
    this.shelf = root.querySelector(".pf-shelf");
    this.slider = root.querySelector(".pf-epoch");
    this.button = root.querySelector(".pf-play");
    this.said = root.querySelector(".pf-said");
    this.at = 0;
    this.slider.oninput = () => { this.stop(); this.show(Number(this.slider.value)); };
    this.button.onclick = () => (this.timer ? this.stop() : this.play());
  }

  update(data) {
    const before = this.data;
    // Whoever looks at an earlier epoch stays there; whoever looks at the newest follows it.
    const atEnd = !before || before.id !== data.id || this.at >= before.epochs.length - 1;
    this.data = data;
    this.slider.max = String(Math.max(0, data.epochs.length - 1));
    if (!before || before.id !== data.id || before.sprite !== data.sprite) this.build();
    this.show(atEnd ? data.epochs.length - 1 : this.at);
  }

  build() {
    const { sprite, columns, lines, size: [height, width], truth, names } = this.data;
    this.shelf.replaceChildren();
    const radius = Math.max(width, height) / 36;
    this.marks = truth.map((points, n) => {
      const figure = document.createElement("figure");
      const frame = document.createElement("div");
      frame.className = "pf-frame";
      const picture = document.createElement("div");
      picture.style.aspectRatio = `${width} / ${height}`;
      picture.style.backgroundImage = `url(${sprite})`;
      picture.style.backgroundSize = `${columns * 100}% ${lines * 100}%`;
      const place = (k, count) => (count > 1 ? (100 * k) / (count - 1) : 0);
      picture.style.backgroundPosition = `${place(n % columns, columns)}% ${place(Math.floor(n / columns), lines)}%`;
      const drawing = svg("svg", "", { viewBox: `0 0 ${width} ${height}`, role: "img" });
      const marks = points.map(([x, y]) => {
        drawing.append(svg("circle", "pf-edge", { cx: x, cy: y, r: radius * 1.15, "stroke-width": radius * 0.95 }));
        drawing.append(svg("circle", "pf-target", { cx: x, cy: y, r: radius * 1.15, "stroke-width": radius * 0.6 }));
        const under = svg("line", "pf-edge", { "stroke-width": radius * 0.75, "stroke-linecap": "round" });
        const line = svg("line", "pf-line", { "stroke-width": radius * 0.45, "stroke-linecap": "round" });
        const head = svg("circle", "pf-head", { r: radius * 0.75, "stroke-width": radius * 0.2 });
        drawing.append(under, line, head);
        return { lines: [under, line], head };
      });
      const caption = document.createElement("figcaption");
      frame.append(picture, drawing);
      figure.append(frame, caption);
      this.shelf.append(figure);
      return { marks, drawing, caption, name: names[n] };
    });
  }

  errorsAt(epoch) {
    const { points, truth, scale } = this.data;
    return points[epoch].map((said, n) => {
      const away = said.map(([x, y], p) => Math.hypot((x - truth[n][p][0]) * scale[n][0], (y - truth[n][p][1]) * scale[n][1]));
      return away.reduce((a, b) => a + b, 0) / Math.max(1, away.length);
    });
  }

  show(epoch) {
    const { epochs, points, truth } = this.data;
    if (!epochs.length) return;
    this.at = Math.max(0, Math.min(epoch, epochs.length - 1));
    this.slider.value = String(this.at);
    const errors = this.errorsAt(this.at);
    this.marks.forEach(({ marks, drawing, caption, name }, n) => {
      marks.forEach(({ lines, head }, p) => {
        const [[x1, y1], [x2, y2]] = [points[this.at][n][p], truth[n][p]];
        for (const line of lines) {
          for (const [key, value] of Object.entries({ x1, y1, x2, y2 })) line.setAttribute(key, value);
        }
        head.setAttribute("cx", x1);
        head.setAttribute("cy", y1);
      });
      const text = `${name ? `${name}: ` : ""}${errors[n].toFixed(1)} px`;
      caption.textContent = text;
      drawing.setAttribute("aria-label", `${text} from prediction to target`);
    });
    const after = `after epoch ${Number(epochs[this.at].toFixed(2))} of ${this.data.total || epochs.at(-1)}`;
    this.said.textContent = `${after}: median ${median(errors).toFixed(1)} px on these ${truth.length}`;
    this.slider.setAttribute("aria-valuetext", this.said.textContent);
  }

  play() {
    if (this.data.epochs.length < 2) return;
    if (this.at >= this.data.epochs.length - 1) this.show(0);
    this.button.textContent = "❚❚";
    this.button.setAttribute("aria-label", "Pause");
    this.timer = setInterval(() => {
      this.show(this.at + 1);
      if (this.at >= this.data.epochs.length - 1) this.stop();
    }, STEP_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    this.button.textContent = "▶";
    this.button.setAttribute("aria-label", "Play the epochs");
  }
}

export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".pose-frames");
  let frames = SHOWN.get(parentElement);
  if (!frames || frames.root !== root) {
    frames?.stop();
    frames = new Frames(root);
    SHOWN.set(parentElement, frames);
  }
  frames.update(data);
  return () => {
    frames.stop();
    if (SHOWN.get(parentElement) === frames) SHOWN.delete(parentElement);
  };
}
