// Drawing tens of thousands of points: pixels are written into a buffer, which costs some milliseconds however many.

const FEW = 3000; // up to so many points are round and let others shine through
const MARGIN = 0.04; // of the stage, around the outermost points

function packed(color) {
  const paper = packed.paper ?? (packed.paper = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }));
  paper.fillStyle = color;
  paper.fillRect(0, 0, 1, 1);
  const [r, g, b] = paper.getImageData(0, 0, 1, 1).data;
  return (255 << 24) | (b << 16) | (g << 8) | r;
}

function range(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high > low ? [low, high] : [low - 1, low + 1];
}

class View {
  // The whole map on a stage of width x height pixels
  static whole(points, width, height) {
    const view = new View();
    const [[left, right], [bottom, top]] = points.extent;
    view.kx = (width * (1 - 2 * MARGIN)) / (right - left);
    view.ky = (height * (1 - 2 * MARGIN)) / (top - bottom);
    view.x0 = left - (width * MARGIN) / view.kx;
    view.y0 = bottom - (height * MARGIN) / view.ky;
    return view;
  }

  x(value) {
    return (value - this.x0) * this.kx;
  }

  y(value, height) {
    return height - (value - this.y0) * this.ky;
  }

  move(dx, dy) {
    this.x0 -= dx / this.kx;
    this.y0 += dy / this.ky;
  }

  zoom(factor, px, py, height) {
    const x = this.x0 + px / this.kx;
    const y = this.y0 + (height - py) / this.ky;
    this.kx *= factor;
    this.ky *= factor;
    this.x0 = x - px / this.kx;
    this.y0 = y - (height - py) / this.ky;
  }
}

// Where every point lies on the stage, in CSS pixels; kept for hovering and the lasso.
function project(points, view, height) {
  const { x, y, sx, sy } = points;
  const { x0, y0, kx, ky } = view;
  for (let k = 0; k < x.length; k++) {
    sx[k] = (x[k] - x0) * kx;
    sy[k] = height - (y[k] - y0) * ky;
  }
}

function drawPoints(canvas, points, picked, ratio) {
  const ctx = canvas.getContext("2d");
  const { width, height } = canvas;
  const { sx, sy, level, inks, colors } = points;
  const n = sx.length;
  if (n <= FEW) {
    ctx.clearRect(0, 0, width, height);
    const radius = 5 * ratio;
    for (let k = 0; k < n; k++) {
      ctx.globalAlpha = picked && !picked[k] ? 0.12 : 0.8;
      ctx.fillStyle = colors[level[k]];
      ctx.beginPath();
      ctx.arc(sx[k] * ratio, sy[k] * ratio, radius, 0, 7);
      ctx.fill();
    }
    ctx.globalAlpha = 1;
    return;
  }
  const image = points.image?.width === width && points.image.height === height ? points.image : (points.image = ctx.createImageData(width, height));
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(0);
  const side = Math.max(2, Math.round((n > 20000 ? 3 : 4) * ratio));
  const half = side >> 1;
  for (let pass = picked ? 0 : 1; pass < 2; pass++) {
    for (let k = 0; k < n; k++) {
      if (picked && picked[k] !== pass) continue;
      const left = Math.round(sx[k] * ratio) - half;
      const top = Math.round(sy[k] * ratio) - half;
      if (left < 0 || top < 0 || left + side > width || top + side > height) continue;
      // What was not picked pales: a quarter of its opacity.
      const ink = pass || !picked ? inks[level[k]] : (inks[level[k]] & 0x00ffffff) | (40 << 24);
      for (let row = 0, at = top * width + left; row < side; row++, at += width) {
        for (let column = 0; column < side; column++) pixels[at + column] = ink;
      }
    }
  }
  ctx.putImageData(image, 0, 0);
}

function drawOver(ctx, map) {
  const { width, height, ratio, points, data, theme, view } = map;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(view.x(0), 0);
  ctx.lineTo(view.x(0), height);
  ctx.moveTo(0, view.y(0, height));
  ctx.lineTo(width, view.y(0, height));
  ctx.stroke();
  ctx.font = `600 15px ${theme.font}`;
  ctx.textAlign = "center";
  ctx.lineJoin = "round";
  const words = (text, x, y, color) => {
    ctx.lineWidth = 4;
    ctx.strokeStyle = theme.ground;
    ctx.strokeText(text, x, y);
    ctx.fillStyle = color;
    ctx.fillText(text, x, y);
  };
  const ring = (k, color) => {
    ctx.strokeStyle = color;
    ctx.lineWidth = 3;
    ctx.beginPath();
    ctx.arc(points.sx[k], points.sy[k], 9, 0, 7);
    ctx.stroke();
  };
  const written = []; // names that would lie over another stay unwritten; what was searched for is always named
  for (const { place, name } of data.named) {
    if (data.ringed) ring(place, theme.accent);
    const [x, y, half] = [points.sx[place], points.sy[place] - 13, ctx.measureText(name).width / 2 + 4];
    if (!data.ringed && written.some((one) => Math.abs(one.y - y) < 18 && Math.abs(one.x - x) < one.half + half)) continue;
    written.push({ x, y, half });
    words(name, x, y, theme.text);
  }
  if (data.you) {
    const [x, y] = [view.x(data.you[0]), view.y(data.you[1], height)];
    ctx.fillStyle = theme.accent;
    ctx.beginPath();
    for (let k = 0; k < 10; k++) {
      const radius = k % 2 ? 5 : 12;
      ctx.lineTo(x + radius * Math.sin((k * Math.PI) / 5), y - radius * Math.cos((k * Math.PI) / 5));
    }
    ctx.closePath();
    ctx.fill();
    words("you", x, y + 28, theme.accent);
  }
  if (map.hovered != null) ring(map.hovered, theme.text);
  if (map.lasso) {
    ctx.strokeStyle = theme.accent;
    ctx.lineWidth = 2;
    ctx.setLineDash([6, 4]);
    ctx.beginPath();
    for (const [x, y] of map.lasso) ctx.lineTo(x, y);
    ctx.closePath();
    ctx.stroke();
    ctx.setLineDash([]);
  }
}

// Which points lie inside a polygon on the stage (even-odd rule)
function inside(points, polygon) {
  const found = [];
  for (let k = 0; k < points.sx.length; k++) {
    const [x, y] = [points.sx[k], points.sy[k]];
    let within = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [ax, ay] = polygon[a];
      const [bx, by] = polygon[b];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
    }
    if (within) found.push(k);
  }
  return found;
}
