// Drawing: the curve of the metric over the global threshold, and each label's two heaps of probabilities.

function themeOf(root) {
  const style = getComputedStyle(root);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    palette: read("--st-chart-categorical-colors").split(",").map((color) => color.trim()),
    text: read("--st-text-color"),
    line: read("--st-border-color"),
    accent: read("--st-primary-color"),
    font: read("--st-font") || "sans-serif",
  };
}

function sized(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return { ctx, width, height };
}

class Plot {
  constructor(canvas) {
    this.canvas = canvas;
    this.left = 54;
    this.right = 14;
    this.top = 14;
    this.bottom = 34;
  }

  // What does not move while dragging is drawn once and kept.
  prepare(data, theme) {
    this.data = data;
    this.theme = theme;
    // The cliffs at both ends would press the hill flat: they may leave the picture, and so may a far baseline.
    const hill = data.curve.filter((value, i) => value != null && i >= 0.02 * STEPS && i <= 0.9 * STEPS);
    const known = hill.length ? [...hill] : data.curve.filter((value) => value != null);
    const wide = Math.max(...known) - Math.min(...known) || 0.05;
    for (const score of Object.values(data.baselines)) {
      if (score != null && score > Math.min(...known) - 2.5 * wide && score < Math.max(...known) + 2.5 * wide) known.push(score);
    }
    this.low = known.length ? Math.min(...known) : 0;
    this.high = known.length ? Math.max(...known) : 1;
    const gap = (this.high - this.low || 0.1) * 0.06;
    this.low -= gap;
    this.high += gap;
    const { ctx, width, height } = sized(this.canvas);
    this.width = width;
    this.height = height;
    this.fixed(ctx);
    this.kept = document.createElement("canvas");
    this.kept.width = this.canvas.width;
    this.kept.height = this.canvas.height;
    if (this.canvas.width) this.kept.getContext("2d").drawImage(this.canvas, 0, 0);
  }

  x(threshold) {
    return this.left + threshold * (this.width - this.left - this.right);
  }

  threshold(x) {
    return Math.min(1, Math.max(0, (x - this.left) / (this.width - this.left - this.right)));
  }

  y(score) {
    return this.top + ((this.high - score) / (this.high - this.low)) * (this.height - this.top - this.bottom);
  }

  fixed(ctx) {
    const { data, theme, height } = this;
    ctx.font = `13px ${theme.font}`;
    ctx.textBaseline = "middle";
    ctx.strokeStyle = theme.line;
    ctx.fillStyle = theme.text;
    ctx.lineWidth = 1;
    for (let k = 0; k <= 4; k++) {
      const score = this.low + (k / 4) * (this.high - this.low);
      ctx.beginPath();
      ctx.moveTo(this.left, this.y(score));
      ctx.lineTo(this.width - this.right, this.y(score));
      ctx.stroke();
      ctx.textAlign = "right";
      ctx.fillText(score.toFixed(2), this.left - 8, this.y(score));
    }
    ctx.textAlign = "center";
    for (let k = 0; k <= 10; k++) ctx.fillText((k / 10).toFixed(1), this.x(k / 10), height - this.bottom + 13);
    ctx.fillText("threshold for all labels", (this.left + this.width - this.right) / 2, height - 6);
    Object.entries(data.baselines).forEach(([name, score], k) => {
      if (score == null) return;
      if (score < this.low || score > this.high) {
        ctx.fillStyle = theme.palette[5];
        ctx.textAlign = "center";
        const below = score < this.low;
        ctx.fillText(`${name} ${score.toFixed(3)} ${below ? "↓" : "↑"}`, this.x(k ? 0.72 : 0.45), below ? height - this.bottom - 26 : this.top + 4);
        return;
      }
      ctx.setLineDash(k ? [8, 5] : [2, 4]);
      ctx.strokeStyle = ctx.fillStyle = theme.palette[5];
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.moveTo(this.left, this.y(score));
      ctx.lineTo(this.width - this.right, this.y(score));
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.textAlign = "center";
      ctx.fillText(`${name} ${score.toFixed(3)}`, this.x(k ? 0.72 : 0.45), this.y(score) - 9);
    });
    ctx.save();
    ctx.beginPath();
    ctx.rect(this.left, 0, this.width - this.left - this.right, height - this.bottom);
    ctx.clip();
    this.line(ctx, data.curve, theme.palette[0], 3.5);
    ctx.fillStyle = theme.palette[3];
    for (const [threshold, score] of data.notes) {
      if (score == null) continue;
      ctx.beginPath();
      ctx.arc(this.x(threshold), this.y(score), 3.2, 0, 7);
      ctx.fill();
    }
    ctx.restore();
    const best = data.curve[data.optimum.global];
    if (best != null) {
      ctx.strokeStyle = theme.palette[2];
      ctx.lineWidth = 3;
      ctx.beginPath();
      ctx.arc(this.x(data.optimum.global / STEPS), this.y(best), 8, 0, 7);
      ctx.stroke();
    }
  }

  line(ctx, values, color, width, dash = []) {
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.setLineDash(dash);
    ctx.beginPath();
    let open = false;
    values.forEach((score, i) => {
      if (score == null || Number.isNaN(score)) {
        open = false;
        return;
      }
      if (open) ctx.lineTo(this.x(i / STEPS), this.y(score));
      else ctx.moveTo(this.x(i / STEPS), this.y(score));
      open = true;
    });
    ctx.stroke();
    ctx.setLineDash([]);
  }

  // What moves: the threshold, the score there, the curve of the label at hand.
  move(at, score, curve, name) {
    if (!this.canvas.clientWidth) return;
    const ratio = window.devicePixelRatio || 1;
    const ctx = this.canvas.getContext("2d");
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ctx.drawImage(this.kept, 0, 0);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { theme } = this;
    ctx.save();
    ctx.beginPath();
    ctx.rect(this.left, 0, this.width - this.left - this.right, this.height - this.bottom);
    ctx.clip();
    if (curve) {
      this.line(ctx, curve, theme.palette[1], 2, [6, 4]);
      ctx.fillStyle = theme.palette[1];
      ctx.textAlign = "left";
      ctx.fillText(`${name} alone`, this.left + 8, this.height - this.bottom - 12);
    }
    ctx.restore();
    const x = this.x(at / STEPS);
    ctx.strokeStyle = theme.accent;
    ctx.lineWidth = 4;
    ctx.beginPath();
    ctx.moveTo(x, this.top - 8);
    ctx.lineTo(x, this.height - this.bottom);
    ctx.stroke();
    if (score != null && !Number.isNaN(score)) {
      ctx.fillStyle = theme.accent;
      ctx.beginPath();
      ctx.arc(x, Math.min(this.height - this.bottom, Math.max(this.top, this.y(score))), 7, 0, 7);
      ctx.fill();
    }
    ctx.font = `600 15px ${theme.font}`;
    ctx.textAlign = x > this.width - 90 ? "right" : "left";
    ctx.fillStyle = theme.accent;
    ctx.fillText((at / STEPS).toFixed(3), x + (x > this.width - 90 ? -9 : 9), this.top);
    ctx.font = `13px ${theme.font}`;
  }
}

// True examples grow up from the middle, false ones hang down, each heap to its own scale.
function heaps(canvas, trues, falses, theme) {
  const { ctx, width, height } = sized(canvas);
  const bins = Math.max(8, Math.floor(width / 4));
  const gather = (histogram) => {
    const sums = new Float64Array(bins);
    histogram.forEach((count, level) => {
      if (count) sums[Math.min(bins - 1, Math.floor((Math.max(0, level - 0.5) / STEPS) * bins))] += count;
    });
    return sums.map((value) => Math.sqrt(value));
  };
  ctx.fillStyle = theme.line;
  ctx.fillRect(0, height / 2 - 0.5, width, 1);
  for (const [histogram, up, color] of [[trues, true, theme.palette[2]], [falses, false, theme.palette[5]]]) {
    const sums = gather(histogram);
    const most = Math.max(...sums) || 1;
    ctx.fillStyle = color;
    sums.forEach((value, k) => {
      const tall = (value / most) * (height / 2 - 1);
      if (tall) ctx.fillRect((k / bins) * width + 0.5, up ? height / 2 - tall : height / 2, width / bins - 1, tall);
    });
  }
}
