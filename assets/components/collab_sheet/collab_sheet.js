// A block of the table as the spreadsheet of the notes: factors and biases in the margins, every cell computed.
// The numbers are the model's own: factors on rotated axes, and what the axes not shown add as one fixed sum per cell.

const SHEETS = new WeakMap();
const DRAG = 0.01; // change per pixel
const KEY = 0.05; // change per arrow key
const show = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

class Sheet {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(name);
    this.find(".sh-step").onclick = () => this.descend();
    this.find(".sh-reset").onclick = () => this.reset();
    this.find(".sh-show").onchange = () => this.paint();
  }

  update(data) {
    const text = JSON.stringify(data);
    if (text === this.text) return;
    this.text = text;
    this.data = data;
    this.hot = data.users.map((_, n) => (n === 0 ? 1 : 0));
    this.lit = [0, 0];
    this.steps = 0;
    this.build();
    this.reset();
  }

  reset() {
    const copy = (side) => side.map((one) => [...one.factors, one.bias]);
    this.users = copy(this.data.users);
    this.items = copy(this.data.items);
    this.steps = 0;
    this.compute();
  }

  squash(raw) {
    const range = this.data.range;
    return range ? range[0] + (range[1] - range[0]) / (1 + Math.exp(-raw)) : raw;
  }

  compute() {
    const { width, rest, range, ratings } = this.data;
    this.said = this.users.map((u, a) => this.items.map((v, b) => {
      let raw = rest[a][b] + u[width] + v[width];
      for (let k = 0; k < width; k += 1) raw += u[k] * v[k];
      return this.squash(raw);
    }));
    this.userGradient = this.users.map((u) => u.map(() => 0));
    this.itemGradient = this.items.map((v) => v.map(() => 0));
    let sum = 0;
    let count = 0;
    for (const row of ratings) for (const rating of row) count += rating !== null;
    ratings.forEach((row, a) => row.forEach((rating, b) => {
      if (rating === null) return;
      const said = this.said[a][b];
      const error = said - rating;
      sum += error * error;
      const slope = range ? ((said - range[0]) * (range[1] - said)) / (range[1] - range[0]) : 1;
      const toRaw = (2 * error * slope) / count;
      for (let k = 0; k < width; k += 1) {
        this.userGradient[a][k] += toRaw * this.items[b][k];
        this.itemGradient[b][k] += toRaw * this.users[a][k];
      }
      if (this.data.biased) {
        this.userGradient[a][width] += toRaw;
        this.itemGradient[b][width] += toRaw;
      }
    }));
    this.loss = count ? sum / count : NaN;
    this.count = count;
    this.paint();
  }

  descend() {
    const rate = Number(this.find(".sh-rate").value) || 0;
    const move = (side, gradient) => side.forEach((row, n) => row.forEach((_, k) => { row[k] -= rate * gradient[n][k]; }));
    move(this.users, this.userGradient);
    move(this.items, this.itemGradient);
    this.steps += 1;
    this.compute();
  }

  number(side, n, k, name) {
    const bias = k === this.data.width;
    const cell = element("td", `sh-num${bias ? " sh-bias" : ""}`);
    cell.tabIndex = 0;
    cell.setAttribute("role", "slider");
    cell.setAttribute("aria-label", `${bias ? "bias" : `factor ${k + 1}`} of ${name}`);
    const change = (by) => { this[side][n][k] += by; this.compute(); };
    cell.onpointerdown = (event) => {
      cell.setPointerCapture(event.pointerId);
      let at = event.clientX;
      cell.onpointermove = (move) => { change((move.clientX - at) * DRAG); at = move.clientX; };
      cell.onpointerup = cell.onpointercancel = () => { cell.onpointermove = null; };
    };
    cell.onkeydown = (event) => {
      const by = { ArrowUp: KEY, ArrowRight: KEY, ArrowDown: -KEY, ArrowLeft: -KEY }[event.key];
      if (by) { event.preventDefault(); change(by); }
    };
    cell.ondblclick = () => {
      const kept = this.data[side][n];
      this[side][n][k] = bias ? kept.bias : kept.factors[k];
      this.compute();
    };
    this.numbers.push({ cell, side, n, k });
    return cell;
  }

  build() {
    const { users, items, width, biased } = this.data;
    const grid = this.find(".sh-grid");
    const columns = width + (biased ? 1 : 0);
    const name = (k) => (k === width ? "bias" : `axis ${k + 1}`);
    grid.replaceChildren();
    this.numbers = [];
    this.cells = [];
    const head = grid.insertRow();
    head.append(element("th"));
    for (let k = 0; k < columns; k += 1) head.append(element("td", "sh-corner"));
    for (const item of items) {
      const made = element("th", "sh-film", item.name);
      made.title = item.name;
      head.append(made);
    }
    for (let k = 0; k < columns; k += 1) {
      const row = grid.insertRow();
      row.append(element("th"));
      for (let gap = 0; gap < columns - 1; gap += 1) row.append(element("td", "sh-corner"));
      row.append(element("th", "", name(k)));
      items.forEach((item, n) => row.append(this.number("items", n, k, item.name)));
    }
    const names = grid.insertRow();
    names.append(element("th"));
    for (let k = 0; k < columns; k += 1) names.append(element("th", "", name(k)));
    users.forEach((user, a) => {
      const row = grid.insertRow();
      row.append(element("th", "", user.name));
      for (let k = 0; k < columns; k += 1) row.append(this.number("users", a, k, user.name));
      this.cells.push(items.map((_, b) => {
        const cell = element("td", "sh-cell");
        cell.dataset.cell = `${a},${b}`;
        cell.onclick = () => { this.lit = [a, b]; this.paint(); };
        row.append(cell);
        return cell;
      }));
    });
    this.buildHot();
  }

  buildHot() {
    const box = this.find(".sh-hot");
    box.replaceChildren(element("strong", "", "A look-up is a product with a one-hot row. Type into the row:"));
    const table = element("table");
    const head = table.insertRow();
    head.append(element("th", "", "row"), element("th", "", "×"), element("th", "", "user"));
    for (let k = 0; k < this.data.width; k += 1) head.append(element("th", "", `axis ${k + 1}`));
    this.hotRows = this.data.users.map((user, n) => {
      const row = table.insertRow();
      const input = element("input");
      input.type = "number";
      input.step = "1";
      input.value = this.hot[n];
      input.setAttribute("aria-label", `place ${n + 1} of the row`);
      input.oninput = () => { this.hot[n] = Number(input.value) || 0; this.paint(); };
      row.insertCell().append(input);
      row.insertCell();
      row.insertCell().textContent = user.name;
      for (let k = 0; k < this.data.width; k += 1) row.insertCell();
      return row;
    });
    this.product = table.insertRow();
    this.lookup = table.insertRow();
    this.same = element("p", "sh-same");
    box.append(table, this.same);
  }

  paint() {
    const { width, ratings, range, rest, biased } = this.data;
    const gradients = this.find(".sh-show").checked;
    for (const { cell, side, n, k } of this.numbers) {
      const value = this[side][n][k];
      const kept = k === width ? this.data[side][n].bias : this.data[side][n].factors[k];
      cell.replaceChildren(show(value));
      cell.setAttribute("aria-valuenow", value.toFixed(3));
      cell.classList.toggle("sh-moved", Math.abs(value - kept) > 1e-9);
      if (gradients) {
        const slope = (side === "users" ? this.userGradient : this.itemGradient)[n][k];
        cell.append(element("small", "", `${slope > 0 ? "▼" : "▲"} ${show(slope, 3)}`));
      }
    }
    this.cells.forEach((row, a) => row.forEach((cell, b) => {
      const rating = ratings[a][b];
      const said = this.said[a][b];
      cell.replaceChildren(show(said));
      cell.dataset.value = said;
      cell.append(element("small", "", rating === null ? "not rated" : `rated ${rating}`));
      const off = rating === null ? 0 : Math.min(1, Math.abs(said - rating) / 2);
      cell.style.background = rating === null ? "none"
        : `color-mix(in srgb, var(--st-primary-color) ${Math.round(off * 60)}%, transparent)`;
      cell.classList.toggle("sh-lit", this.lit[0] === a && this.lit[1] === b);
    }));
    const steps = this.steps ? ` after ${this.steps} step${this.steps > 1 ? "s" : ""}` : "";
    this.find(".sh-loss").textContent = this.count
      ? `MSE of the ${this.count} rated cells: ${show(this.loss, 4)}${steps}` : "No cell of this block is rated.";
    const [a, b] = this.lit;
    const u = this.users[a];
    const v = this.items[b];
    const products = Array.from({ length: width }, (_, k) => `${show(u[k])} · ${show(v[k])}`).join(" + ");
    let raw = rest[a][b] + u[width] + v[width];
    for (let k = 0; k < width; k += 1) raw += u[k] * v[k];
    const sum = `${products} + ${show(rest[a][b])} (other axes)${biased ? ` + ${show(u[width])} + ${show(v[width])} (biases)` : ""}`;
    this.find(".sh-formula").textContent = `${this.data.users[a].name}, ${this.data.items[b].name}: ${sum} = ${show(raw)}`
      + (range ? `; squeezed into ${show(range[0])} to ${show(range[1])}: ${show(this.said[a][b])}` : "");
    this.paintHot();
  }

  paintHot() {
    const width = this.data.width;
    const product = Array.from({ length: width }, (_, k) => this.users.reduce((sum, u, n) => sum + this.hot[n] * u[k], 0));
    this.hotRows.forEach((row, n) => {
      row.classList.toggle("sh-on", this.hot[n] !== 0);
      for (let k = 0; k < width; k += 1) row.cells[k + 3].textContent = show(this.users[n][k]);
    });
    const ones = this.hot.flatMap((value, n) => (value === 1 ? [n] : []));
    const oneHot = ones.length === 1 && this.hot.every((value) => value === 0 || value === 1);
    const fill = (row, name, values) => {
      row.replaceChildren();
      const head = element("th", "", name);
      head.colSpan = 3;
      row.append(head);
      for (const value of values) row.append(element("td", "", value));
    };
    fill(this.product, "row × table", product.map((value) => show(value)));
    fill(this.lookup, oneHot ? `look-up: line ${ones[0] + 1}` : "look-up",
      oneHot ? this.users[ones[0]].slice(0, width).map((value) => show(value)) : product.map(() => "–"));
    const equal = oneHot && product.every((value, k) => value === this.users[ones[0]][k]);
    const work = this.users.length * width;
    this.same.textContent = !oneHot
      ? "Not one-hot: a look-up takes one line; this product mixes several."
      : equal ? `The same vector. The product took ${work} multiplications, the look-up none: that is all an embedding is.`
        : "The two differ.";
  }
}

export default function (component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".sheet");
  let sheet = SHEETS.get(parentElement);
  if (!sheet || sheet.root !== root) {
    sheet = new Sheet(root);
    SHEETS.set(parentElement, sheet);
  }
  sheet.update(data);
  return () => SHEETS.delete(parentElement);
}
