// Painting: a scene (lines in axis units, rules, pick, hover) onto one canvas. Knows nothing of runs or pages.

const DASHES = { solid: [], dash: [10, 6], dot: [2, 6], dashdot: [12, 5, 2, 5] };

function withAlpha(color, alpha) {
  const hex = color.trim();
  if (!/^#[0-9a-f]{6}$/i.test(hex)) return color;
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return `rgba(${r},${g},${b},${alpha})`;
}

function placer({ plot, view }) {
  const [x0, x1, y0, y1] = view;
  return {
    x: (value) => plot.left + ((value - x0) / (x1 - x0)) * (plot.right - plot.left),
    y: (value) => plot.bottom - ((value - y0) / (y1 - y0)) * (plot.bottom - plot.top),
    toX: (pixel) => x0 + ((pixel - plot.left) / (plot.right - plot.left)) * (x1 - x0),
  };
}

function trace(ctx, at, xs, ys) {
  ctx.beginPath();
  let pen = false;
  for (let i = 0; i < xs.length; i += 1) {
    if (!Number.isFinite(ys[i]) || !Number.isFinite(xs[i])) {
      pen = false;
      continue;
    }
    const px = at.x(xs[i]);
    const py = Math.max(-4000, Math.min(8000, at.y(ys[i])));
    if (pen) ctx.lineTo(px, py);
    else ctx.moveTo(px, py);
    pen = true;
  }
}

function paintAxes(ctx, scene, at) {
  const { plot, view, theme, x, y, type } = scene;
  ctx.lineWidth = 1;
  ctx.font = `${type}px ${theme.font}`;
  const room = Math.max(3, Math.round((plot.bottom - plot.top) / 70));
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const { at: tick, text } of heightTicks(view[2], view[3], room, y)) {
    const py = Math.round(at.y(tick)) + 0.5;
    ctx.strokeStyle = theme.grid;
    ctx.beginPath();
    ctx.moveTo(plot.left, py);
    ctx.lineTo(plot.right, py);
    ctx.stroke();
    ctx.fillStyle = theme.quiet;
    if (!scene.blank) ctx.fillText(text, plot.left - 10, py);
  }
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const wide = (plot.right - plot.left) / (type * 4);
  if (x.log) {
    const { major, minor } = logTicks(view[0], view[1], wide);
    ctx.strokeStyle = theme.grid;
    for (const { at: value, named } of minor) {
      const px = Math.round(at.x(value)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(px, plot.bottom);
      ctx.lineTo(px, plot.bottom + (named ? 7 : 4));
      ctx.stroke();
      if (named) ctx.fillText(sayRate(10 ** value), px, plot.bottom + 11);
    }
    for (const power of major) {
      const px = Math.round(at.x(power)) + 0.5;
      ctx.strokeStyle = theme.grid;
      ctx.beginPath();
      ctx.moveTo(px, plot.top);
      ctx.lineTo(px, plot.bottom + 8);
      ctx.stroke();
      ctx.fillStyle = theme.quiet;
      ctx.fillText(sayRate(10 ** power), px, plot.bottom + 11);
    }
  } else {
    const { ticks, step } = niceTicks(view[0], view[1], Math.max(2, Math.min(8, wide)));
    for (const tick of ticks) {
      const px = Math.round(at.x(tick)) + 0.5;
      ctx.strokeStyle = theme.grid;
      ctx.beginPath();
      ctx.moveTo(px, plot.bottom);
      ctx.lineTo(px, plot.bottom + 6);
      ctx.stroke();
      ctx.fillStyle = theme.quiet;
      ctx.fillText(tick.toFixed(Math.min(6, decimals(step))), px, plot.bottom + 11);
    }
  }
  ctx.strokeStyle = theme.axis;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.moveTo(plot.left, Math.round(plot.bottom) + 0.5);
  ctx.lineTo(plot.right, Math.round(plot.bottom) + 0.5);
  ctx.stroke();
  ctx.fillStyle = theme.text;
  ctx.font = `600 ${type}px ${theme.font}`;
  ctx.textBaseline = "alphabetic";
  ctx.fillText(x.label, (plot.left + plot.right) / 2, scene.height - 6);
  ctx.textAlign = "left";
  ctx.fillText(y.label, 2, type); // at the very top: rules and their stems begin below it
}

function paintLine(ctx, scene, at, line) {
  const { plot } = scene;
  if (line.band) {
    ctx.fillStyle = withAlpha(line.color, 0.2);
    ctx.beginPath();
    const { xs, low, high } = line.band;
    xs.forEach((x, i) => (i ? ctx.lineTo(at.x(x), at.y(high[i])) : ctx.moveTo(at.x(x), at.y(high[i]))));
    for (let i = xs.length - 1; i >= 0; i -= 1) ctx.lineTo(at.x(xs[i]), at.y(low[i]));
    ctx.closePath();
    ctx.fill();
  }
  if (line.faint) {
    ctx.fillStyle = withAlpha(line.color, scene.theme.dark ? 0.45 : 0.35);
    const size = line.faint.xs.length > 600 ? 1.6 : 2.6;
    for (let i = 0; i < line.faint.xs.length; i += 1) {
      const [fx, fy] = [line.faint.xs[i], line.faint.ys[i]];
      if (!Number.isFinite(fy)) continue;
      ctx.beginPath();
      ctx.arc(at.x(fx), at.y(fy), size, 0, Math.PI * 2);
      ctx.fill();
    }
  }
  ctx.strokeStyle = line.color;
  ctx.lineWidth = line.width;
  ctx.lineJoin = "round";
  ctx.lineCap = "round";
  ctx.setLineDash(DASHES[line.dash] ?? []);
  trace(ctx, at, line.xs, line.ys);
  ctx.stroke();
  ctx.setLineDash([]);
  // A single point has no line to stroke: one epoch is drawn as a dot.
  if (line.xs.length === 1 && Number.isFinite(line.ys[0])) {
    ctx.fillStyle = line.color;
    ctx.beginPath();
    ctx.arc(at.x(line.xs[0]), at.y(line.ys[0]), line.width + 2, 0, Math.PI * 2);
    ctx.fill();
  }
  // Where the line leaves through the top, say so: it goes on up there.
  for (let i = 1; i < line.xs.length; i += 1) {
    if (at.y(line.ys[i]) < plot.top && at.y(line.ys[i - 1]) >= plot.top) {
      const px = at.x(line.xs[i - 1]) + (at.x(line.xs[i]) - at.x(line.xs[i - 1])) * 0.5;
      ctx.fillStyle = line.color;
      ctx.beginPath();
      ctx.moveTo(px, plot.top + 1);
      ctx.lineTo(px - 7, plot.top + 13);
      ctx.lineTo(px + 7, plot.top + 13);
      ctx.fill();
      break;
    }
  }
}

function paintDot(ctx, at, line, now, still) {
  let last = line.xs.length - 1;
  while (last >= 0 && !Number.isFinite(line.ys[last])) last -= 1;
  if (last < 0 || !line.live) return;
  const [px, py] = [at.x(line.xs[last]), at.y(line.ys[last])];
  const fade = Math.max(0.25, 1 - (now - line.lastPointAt) / 2500);
  const beat = still ? 0.5 : (now / 900) % 1;
  ctx.fillStyle = withAlpha(line.color, 0.35 * fade * (1 - beat));
  ctx.beginPath();
  ctx.arc(px, py, 7 + 12 * beat, 0, Math.PI * 2);
  ctx.fill();
  ctx.fillStyle = line.color;
  ctx.globalAlpha = fade;
  ctx.beginPath();
  ctx.arc(px, py, 6, 0, Math.PI * 2);
  ctx.fill();
  ctx.globalAlpha = 1;
}

// Labels above the plot, each near its rule, in the first row where it does not touch another.
function ruleRows(ctx, scene, at) {
  const { plot, rules, type, theme } = scene;
  ctx.font = `600 ${type - 1}px ${theme.font}`;
  const ends = [];
  return rules
    .map((rule) => ({ rule, px: at.x(rule.x), wide: ctx.measureText(rule.text).width + 16 }))
    .filter(({ px }) => px >= plot.left - 1 && px <= plot.right + 1)
    .sort((a, b) => a.px - b.px)
    .map((label) => {
      const left = Math.min(Math.max(label.px - label.wide / 2, plot.left), Math.max(plot.left, scene.width - label.wide - 2));
      let row = ends.findIndex((end) => end + 6 <= left);
      if (row < 0) row = ends.length;
      ends[row] = left + label.wide;
      return { ...label, left, row };
    });
}

function paintRules(ctx, scene, at, labels) {
  const { plot, type, theme } = scene;
  const tall = type + 9;
  const topOf = (row) => plot.top - 6 - (row + 1) * (tall + 4);
  // All stems first: a label in a low row stays readable where the stem of a higher one passes behind it.
  for (const { rule, px, row } of labels) {
    ctx.globalAlpha = rule.shown;
    ctx.strokeStyle = rule.color;
    ctx.lineWidth = 2;
    ctx.setLineDash([5, 5]);
    ctx.beginPath();
    ctx.moveTo(px, topOf(row) + tall);
    ctx.lineTo(px, plot.bottom);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  for (const { rule, px, left, wide, row } of labels) {
    const top = topOf(row);
    ctx.globalAlpha = rule.shown;
    ctx.strokeStyle = rule.color;
    ctx.fillStyle = theme.background;
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.roundRect(left, top, wide, tall, 6);
    ctx.fill();
    ctx.stroke();
    ctx.fillStyle = theme.text;
    ctx.font = `600 ${type - 1}px ${theme.font}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText(rule.text, left + 8, top + tall / 2 + 1);
    if (Number.isFinite(rule.y)) {
      ctx.fillStyle = rule.color;
      ctx.strokeStyle = theme.background;
      ctx.lineWidth = 2.5;
      ctx.beginPath();
      ctx.arc(px, Math.max(plot.top, at.y(rule.y)), 7, 0, Math.PI * 2);
      ctx.fill();
      ctx.stroke();
    }
  }
  ctx.globalAlpha = 1;
}

function paintPick(ctx, scene, at) {
  const { pick, plot, theme, type } = scene;
  if (!pick) return;
  const px = at.x(pick.x);
  if (px < plot.left - 1 || px > plot.right + 1) return;
  ctx.globalAlpha = pick.ghost ? 0.65 : 1;
  ctx.strokeStyle = theme.pick;
  ctx.lineWidth = 3;
  if (pick.ghost) ctx.setLineDash([4, 6]);
  ctx.beginPath();
  ctx.moveTo(px, plot.top);
  ctx.lineTo(px, plot.bottom);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
  if (Number.isFinite(pick.y)) {
    ctx.fillStyle = theme.pick;
    ctx.strokeStyle = theme.background;
    ctx.lineWidth = 3;
    ctx.beginPath();
    ctx.arc(px, Math.max(plot.top, at.y(pick.y)), 8, 0, Math.PI * 2);
    ctx.fill();
    ctx.stroke();
  }
  ctx.font = `600 ${type}px ${theme.font}`;
  const wide = ctx.measureText(pick.text).width + 20;
  const tall = type + 14;
  const left = Math.min(Math.max(px - wide / 2, plot.left), plot.right - wide);
  const top = plot.bottom - tall - 10;
  ctx.fillStyle = theme.pick;
  ctx.beginPath();
  ctx.roundRect(left, top, wide, tall, 8);
  ctx.fill();
  ctx.fillStyle = theme.onPick;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(pick.text, left + wide / 2, top + tall / 2 + 1);
}

function paintHover(ctx, scene, at) {
  const { hover, plot, theme } = scene;
  if (!hover) return;
  ctx.strokeStyle = theme.quiet;
  ctx.lineWidth = 1;
  ctx.setLineDash([3, 4]);
  ctx.beginPath();
  ctx.moveTo(at.x(hover.x), plot.top);
  ctx.lineTo(at.x(hover.x), plot.bottom);
  ctx.stroke();
  ctx.setLineDash([]);
  for (const { x, y, color } of hover.points) {
    if (!Number.isFinite(y) || at.y(y) < plot.top) continue;
    ctx.fillStyle = color;
    ctx.strokeStyle = theme.background;
    ctx.lineWidth = 2;
    ctx.beginPath();
    ctx.arc(at.x(x), at.y(y), 6, 0, Math.PI * 2);
    ctx.fill();
    ctx.stroke();
  }
}

function paint(ctx, scene, now) {
  const at = placer(scene);
  const { plot } = scene;
  ctx.clearRect(0, 0, scene.width, scene.height);
  paintAxes(ctx, scene, at);
  ctx.save();
  ctx.beginPath();
  ctx.rect(plot.left, plot.top - 2, plot.right - plot.left + 2, plot.bottom - plot.top + 2);
  ctx.clip();
  for (const line of scene.lines) paintLine(ctx, scene, at, line);
  paintHover(ctx, scene, at);
  ctx.restore();
  paintRules(ctx, scene, at, scene.labels);
  paintPick(ctx, scene, at);
  for (const line of scene.lines) paintDot(ctx, at, line, now, scene.still);
}
