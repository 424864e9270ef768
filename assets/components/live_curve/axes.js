// Numbers on axes: ticks, words for numbers, and the range that shows what matters.

function niceTicks(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => raw <= power * factor * 1.0001) ?? 10);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) ticks.push(k * step);
  return { ticks, step };
}

// Decades, thinned to fit; between few decades also 2 and 5.
function logTicks(low, high, room) {
  const from = Math.ceil(low - 1e-9);
  const to = Math.floor(high + 1e-9);
  const every = Math.max(1, Math.ceil((to - from + 1) / Math.max(1, room)));
  const major = [];
  for (let k = from; k <= to; k += 1) if ((k - from) % every === 0) major.push(k);
  const minor = [];
  for (let k = Math.floor(low); k <= Math.ceil(high); k += 1) {
    for (const m of [2, 3, 4, 5, 6, 7, 8, 9]) {
      const at = k + Math.log10(m);
      if (at >= low && at <= high) minor.push({ at, named: (m === 2 || m === 5) && high - low < 2.2 });
    }
  }
  return { major, minor };
}

function decimals(step) {
  return Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9)));
}

// 0.0031 is said as fastai and papers do: 3.1e-3.
function sayRate(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(1).split("e");
  const power = Number(exponent);
  if (power >= -1 && power <= 1) return String(Number(value.toPrecision(2)));
  return `${mantissa.replace(/\.0$/, "")}e${power}`;
}

function sayNumber(value, format) {
  if (!Number.isFinite(value)) return "not a number";
  if (format === "percent") return `${(value * 100).toFixed(1)} %`;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2);
  return value.toPrecision(size >= 100 ? 4 : 3);
}

// A height of the figure in the words of its axis; a logarithmic one holds powers of ten.
function sayHeight(value, y) {
  return sayNumber(y.log ? 10 ** value : value, y.format);
}

// The ticks of the vertical axis: where, and what stands beside it.
function heightTicks(low, high, room, y) {
  if (!y.log) {
    const { ticks, step } = niceTicks(low, high, room);
    const percent = y.format === "percent";
    const places = decimals(percent ? step * 100 : step);
    return ticks.map((at) => ({ at, text: percent ? `${(at * 100).toFixed(places)} %` : at.toFixed(places) }));
  }
  const say = (at) => (y.format === "percent" ? `${Number((100 * 10 ** at).toPrecision(2))} %` : sayRate(10 ** at));
  const { major, minor } = logTicks(low, high, room);
  const named = minor.filter(({ named: said }) => said).map(({ at }) => at);
  return [...major, ...named].map((at) => ({ at, text: say(at) }));
}

function saySeconds(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 1) return "less than 1 s";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

function quantile(sorted, q) {
  if (!sorted.length) return NaN;
  const place = (sorted.length - 1) * q;
  const low = Math.floor(place);
  const high = Math.ceil(place);
  return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
}

// The vertical range of some lines: the dip and the level it starts from fill the height; a line that shoots up
// leaves through the top instead of pressing everything else flat.
function heightOf(lines, clip) {
  const all = [];
  const starts = [];
  for (const { values, faint } of lines) {
    const known = values.filter(Number.isFinite);
    if (!known.length) continue;
    for (const value of known) all.push(value);
    const head = known.slice(0, Math.max(1, Math.ceil(known.length / 10))).sort((a, b) => a - b);
    starts.push(quantile(head, 0.5));
    if (faint) {
      const sorted = faint.filter(Number.isFinite).sort((a, b) => a - b);
      if (sorted.length > 4) all.push(quantile(sorted, 0.02));
    }
  }
  if (!all.length) return null;
  let low = Infinity;
  let high = -Infinity;
  for (const value of all) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  starts.sort((a, b) => a - b);
  const start = quantile(starts, 0.5);
  // A flat curve is shown as flat: never less than a seventh of its own height from top to bottom.
  const least = Math.max(Math.abs(low) * 0.15, 1e-6);
  const span = Math.max(start - low, quantile([...all].sort((a, b) => a - b), 0.5) - low, least);
  if (clip && high > start + clip * span) high = start + clip * span;
  if (high - low < least) {
    const middle = (high + low) / 2;
    [low, high] = [middle - least / 2, middle + least / 2];
  }
  const air = (high - low) * 0.06;
  return [low >= 0 ? Math.max(0, low - air) : low - air, high + air];
}
