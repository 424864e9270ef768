// What y_range does: targets and a run's predictions in the plane of the picture, clipped while the range is dragged.

const RANGES = new WeakMap();
const WIDEST = 1.25; // how far the handles go, unless the run itself went further
const NEAR = 14; // pixels within which an edge of the box is grasped
const SURE = 1e-4; // a sigmoid's ends are at infinity: predictions at the very end are read this far from it

const sigmoid = (raw) => 1 / (1 + Math.exp(-raw));
const show = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (!sorted.length) return NaN;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

class Ranges {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(name);
    for (const side of ["low", "high"]) {
      this.find(`.pr-${side}`).oninput = (event) => { this[side] = Number(event.target.value); this.paint(); };
    }
    for (const name of [".pr-cut", ".pr-squeeze"]) this.find(name).onchange = () => this.paint();
    this.find(".pr-back").onclick = () => this.reset();
    const plane = this.find(".pr-plane");
    plane.onpointerdown = (event) => this.grasp(event);
    plane.onpointermove = (event) => this.drag(event);
    plane.onpointerup = plane.onpointercancel = () => { this.held = null; };
    this.sizes = new ResizeObserver(() => this.data && this.paint());
    this.sizes.observe(root);
  }

  update(data) {
    const text = JSON.stringify(data);
    this.theme = null;
    if (text !== this.text) {
      this.text = text;
      this.data = data;
      const widest = Math.max(WIDEST, ...(data.range ?? []).map(Math.abs));
      this.edge = widest * 1.06; // the plane is shown a little beyond the widest range
      this.find(".pr-low").min = String(-widest);
      this.find(".pr-high").max = String(widest);
      const [low, high] = data.range ?? [-1.1, 1.1];
      const raw = (value) => {
        const share = Math.min(1 - SURE, Math.max(SURE, (value - low) / (high - low)));
        return Math.log(share / (1 - share));
      };
      // Without a range the output itself is the coordinate; squeezing it anew takes it as a raw output.
      this.raws = data.said.map((point) => (data.range ? point.map(raw) : point));
      this.reset();
    } else this.paint();
  }

  reset() {
    [this.low, this.high] = this.data.range ?? [-1.1, 1.1];
    this.find(".pr-cut").checked = true;
    this.paint();
  }

  answers() {
    const { said } = this.data;
    if (this.find(".pr-squeeze").checked) {
      return this.raws.map((point) => point.map((raw) => this.low + (this.high - this.low) * sigmoid(raw)));
    }
    return said.map((point) => point.map((value) => Math.min(this.high, Math.max(this.low, value))));
  }

  colors() {
    if (this.theme) return this.theme;
    const style = getComputedStyle(this.root);
    const of = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
    const palette = of("--st-chart-categorical-colors", "#0b6e99,#c2500a,#2d7d46,#8e4a9e,#9a7400,#5b6b75").split(",").map((one) => one.trim());
    this.theme = { text: of("--st-text-color", "#14242d"), line: of("--st-border-color", "#cfdce3"), font: of("--st-font", "sans-serif"), act: of("--st-primary-color", "#b8430f"), palette };
    return this.theme;
  }

  canvas(name, ratio) {
    const canvas = this.find(name);
    const width = canvas.clientWidth;
    const height = Math.round(width * ratio);
    const dense = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    canvas.style.height = `${height}px`;
    const ctx = canvas.getContext("2d");
    ctx.setTransform(dense, 0, 0, dense, 0, 0);
    ctx.clearRect(0, 0, width, height);
    return { canvas, ctx, width, height };
  }

  paint() {
    if (!this.root.clientWidth) return;
    const { truth, size: [rows, columns] } = this.data;
    const answers = this.answers();
    const inside = (value) => value >= this.low && value <= this.high;
    const lost = truth.filter((point) => !point.every(inside)).length;
    const away = (points) => median(points.map(([x, y], n) => Math.hypot((x - truth[n][0]) * columns / 2, (y - truth[n][1]) * rows / 2)));
    for (const side of ["low", "high"]) this.find(`.pr-${side}`).value = String(this[side]);
    this.find(".pr-lowest").textContent = show(this.low);
    this.find(".pr-highest").textContent = show(this.high);
    const moved = answers.filter((point, n) => point.some((value, d) => Math.abs(value - this.data.said[n][d]) > 1e-6)).length;
    this.find(".pr-said").textContent = `y_range (${show(this.low)}, ${show(this.high)}): ${lost} of ${truth.length} targets are out of reach, `
      + `${moved} predictions moved. Median error ${away(this.data.said).toFixed(2)} → ${away(answers).toFixed(2)} px.`;
    this.plane(answers, inside);
    this.curve(answers);
  }

  plane(answers, inside) {
    const { truth, size: [rows, columns] } = this.data;
    const { canvas, ctx, width, height } = this.canvas(".pr-plane", Math.min(1, rows / columns));
    const theme = this.colors();
    const px = (x) => ((x + this.edge) / (2 * this.edge)) * width;
    const py = (y) => ((y + this.edge) / (2 * this.edge)) * height;
    this.place = { px, py, width, height };
    ctx.fillStyle = theme.palette[0];
    ctx.globalAlpha = 0.12;
    ctx.fillRect(px(this.low), py(this.low), px(this.high) - px(this.low), py(this.high) - py(this.low));
    ctx.globalAlpha = 1;
    ctx.strokeStyle = theme.text;
    ctx.lineWidth = 1.5;
    ctx.strokeRect(px(-1), py(-1), px(1) - px(-1), py(1) - py(-1));
    ctx.strokeStyle = theme.act;
    ctx.lineWidth = 3;
    ctx.strokeRect(px(this.low), py(this.low), px(this.high) - px(this.low), py(this.high) - py(this.low));
    truth.forEach((point, n) => {
      const reached = point.every(inside);
      ctx.strokeStyle = ctx.fillStyle = theme.palette[reached ? 0 : 1];
      ctx.lineWidth = reached ? 1.5 : 2.5;
      ctx.beginPath();
      ctx.moveTo(px(answers[n][0]), py(answers[n][1]));
      ctx.lineTo(px(point[0]), py(point[1]));
      ctx.stroke();
      ctx.beginPath();
      ctx.arc(px(answers[n][0]), py(answers[n][1]), 3, 0, 2 * Math.PI);
      ctx.fill();
      if (!reached) {
        ctx.beginPath();
        ctx.arc(px(point[0]), py(point[1]), 4.5, 0, 2 * Math.PI);
        ctx.stroke();
      }
    });
    ctx.fillStyle = theme.text;
    ctx.font = `14px ${theme.font}`;
    ctx.fillText("the picture", px(-1) + 8, py(1) - 9);
    canvas.setAttribute("aria-label", `Targets and predictions in the picture's plane; ${this.find(".pr-said").textContent}`);
  }

  curve(answers) {
    const { canvas, ctx, width, height } = this.canvas(".pr-curve", 0.75);
    const theme = this.colors();
    const reach = 6;
    const left = 44;
    const px = (raw) => left + ((raw + reach) / (2 * reach)) * (width - left - 8);
    const py = (value) => height - 26 - ((value + this.edge) / (2 * this.edge)) * (height - 36);
    ctx.font = `14px ${theme.font}`;
    ctx.textAlign = "right";
    for (const tick of [-1, 0, 1]) {
      ctx.strokeStyle = theme.line;
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.moveTo(left, py(tick));
      ctx.lineTo(width - 8, py(tick));
      ctx.stroke();
      ctx.fillStyle = theme.text;
      ctx.fillText(show(tick, 0), left - 8, py(tick) + 5);
    }
    ctx.textAlign = "center";
    for (const tick of [-4, -2, 0, 2, 4]) ctx.fillText(show(tick, 0), px(tick), height - 6);
    ctx.strokeStyle = theme.act;
    ctx.setLineDash([7, 5]);
    ctx.lineWidth = 2;
    for (const end of [this.low, this.high]) {
      ctx.beginPath();
      ctx.moveTo(left, py(end));
      ctx.lineTo(width - 8, py(end));
      ctx.stroke();
    }
    ctx.setLineDash([]);
    ctx.strokeStyle = theme.palette[0];
    ctx.lineWidth = 3.5;
    ctx.beginPath();
    for (let raw = -reach; raw <= reach; raw += 0.1) {
      const at = [px(raw), py(this.low + (this.high - this.low) * sigmoid(raw))];
      if (raw === -reach) ctx.moveTo(...at);
      else ctx.lineTo(...at);
    }
    ctx.stroke();
    ctx.fillStyle = theme.palette[0];
    ctx.globalAlpha = 0.5;
    this.raws.forEach((point, n) => point.forEach((raw, d) => {
      ctx.beginPath();
      ctx.arc(px(Math.max(-reach, Math.min(reach, raw))), py(answers[n][d]), 3.5, 0, 2 * Math.PI);
      ctx.fill();
    }));
    ctx.globalAlpha = 1;
    canvas.setAttribute("aria-label", `Scaled sigmoid from ${show(this.low)} to ${show(this.high)} with this run's outputs on it.`);
  }

  // Which edges of the box lie under the pointer: the lowest is left and top, the highest right and bottom.
  grasp(event) {
    const { px, py } = this.place;
    const [x, y] = [event.offsetX, event.offsetY];
    const near = (value) => Math.min(Math.abs(px(value) - x), Math.abs(py(value) - y));
    const side = near(this.low) < near(this.high) ? "low" : "high";
    if (near(this[side]) > NEAR) return;
    this.held = { side, across: Math.abs(px(this[side]) - x) <= Math.abs(py(this[side]) - y) };
    event.target.setPointerCapture(event.pointerId);
    event.preventDefault();
  }

  drag(event) {
    if (!this.held) return;
    const { width, height } = this.place;
    const { side, across } = this.held;
    const value = (across ? event.offsetX / width : event.offsetY / height) * 2 * this.edge - this.edge;
    const input = this.find(`.pr-${side}`);
    this[side] = Math.max(Number(input.min), Math.min(Number(input.max), Math.round(value * 100) / 100));
    this.paint();
  }
}

export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".pose-range");
  let ranges = RANGES.get(parentElement);
  if (!ranges || ranges.root !== root) {
    ranges?.sizes.disconnect();
    ranges = new Ranges(root);
    RANGES.set(parentElement, ranges);
  }
  ranges.update(data);
  return () => {
    ranges.sizes.disconnect();
    if (RANGES.get(parentElement) === ranges) RANGES.delete(parentElement);
  };
}
